// Gathers what arrives between two frames of the screen, so that a thousand updates a second draw sixty times.

// A page in the background gets no frames: what is gathered is delivered by a slower timer instead.
const HIDDEN_MS = 250;

export function inFrames(deliver) {
  let gathered = [];
  let frame = 0;
  let timer = 0;

  const cancel = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    gathered = [];
  };

  const flush = () => {
    const items = gathered;
    cancel();
    deliver(items);
  };

  const push = (item) => {
    gathered.push(item);
    if (gathered.length > 1) return;
    frame = requestAnimationFrame(flush);
    timer = setTimeout(flush, HIDDEN_MS);
  };

  return { push, cancel };
}
