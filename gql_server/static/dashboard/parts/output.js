// What the runner prints, as it prints it. It follows the end until the reader scrolls up, and then stays.
import { inFrames } from "../frames.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../html.js";
import { follow } from "../live.js";
import { Copy } from "./basics.js";
import { ErrorNote } from "./notices.js";

// What is kept on the page of a very long output: its end. The whole can be had over the API.
const KEPT_CHARACTERS = 400_000;
const NEAR_END_PX = 24;

export function Output({ executionId, isLive }) {
  const [{ text, cut }, setOutput] = useState({ text: "", cut: false });
  const [error, setError] = useState(null);
  const [following, setFollowing] = useState(true);
  const box = useRef(null);

  useEffect(() => {
    const frames = inFrames((pieces) => setOutput((known) => appended(known, pieces.join(""))));
    const stop = follow(
      "execution_log",
      { id: executionId },
      {
        resume: ({ executionLog }) => ({ offset: executionLog.nextOffset }),
        next: ({ executionLog }) => {
          if (executionLog.text) frames.push(executionLog.text);
        },
        failed: setError,
      },
    );
    return () => {
      stop();
      frames.cancel();
    };
  }, [executionId]);

  useLayoutEffect(() => {
    if (following && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text, following]);

  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    setFollowing(scrollHeight - scrollTop - clientHeight < NEAR_END_PX);
  };

  if (error) return html`<${ErrorNote} error=${error} />`;
  return html`
    <div class="buttons">
      <button type="button" aria-pressed=${String(following)} onClick=${() => setFollowing(!following)}>${following ? "Following the end" : "Follow the end"}</button>
      <${Copy} text=${text} label="Copy the output" />
      ${cut && html`<span class="quiet">Only the end is shown; <code>execution { log(offset:) }</code> has all of it.</span>`}
    </div>
    ${
      text
        ? html`<pre class="code wrap output" tabindex="0" aria-label="Output of the runner" ref=${box} onScroll=${onScroll}>${text}</pre>`
        : html`<p class="quiet">${isLive ? "The runner has printed nothing yet." : "The runner printed nothing that was kept."}</p>`
    }
  `;
}

function appended({ text, cut }, more) {
  const whole = text + more;
  return whole.length <= KEPT_CHARACTERS
    ? { text: whole, cut }
    : { text: whole.slice(-KEPT_CHARACTERS), cut: true };
}
