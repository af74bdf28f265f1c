// A long list of which the beginning is painted first: who opens a page sees it sooner.
import { useEffect, useState } from "../html.js";

// The first `number` of the items until they are painted, and all of them from then on.
export function useFirst(items, number) {
  const [whole, setWhole] = useState(items.length <= number);
  useEffect(() => {
    if (whole) return undefined;
    // A page in the background is not painted, and has to be whole all the same.
    const timer = setTimeout(() => setWhole(true), HIDDEN_MS);
    // The frame in which they are painted, and then the task after it.
    const frame = requestAnimationFrame(() => setTimeout(() => setWhole(true)));
    return () => {
      clearTimeout(timer);
      cancelAnimationFrame(frame);
    };
  }, [whole]);
  return whole ? items : items.slice(0, number);
}

const HIDDEN_MS = 250;
