// A long list of rows of one height, of which only those in sight are in the page. What is being read stays where it
// is when rows come in above it.
import { useCallback, useLayoutEffect, useRef, useState } from "../html.js";

const OVERSCAN_ROWS = 10;

// `keys` are the rows' keys in order. Returns the frame's ref, which rows to draw and the space above and below.
export function useWindow({ keys, rowHeight, nearEnd }) {
  const frame = useRef(null);
  const [view, setView] = useState({ top: 0, height: 800 });
  const anchor = useRef(null);

  const look = useCallback(() => {
    const { scrollTop, clientHeight } = frame.current;
    setView((now) =>
      now.top === scrollTop && now.height === clientHeight ? now : { top: scrollTop, height: clientHeight },
    );
  }, []);

  useLayoutEffect(() => {
    look();
    const observer = new ResizeObserver(look);
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    const { key, index } = anchor.current ?? {};
    if (key !== undefined && keys[index] !== key && frame.current.scrollTop > 0) {
      const now = keys.indexOf(key);
      if (now >= 0) frame.current.scrollTop += (now - index) * rowHeight;
    }
    const first = Math.floor(frame.current.scrollTop / rowHeight);
    anchor.current = { key: keys[first], index: first };
  }, [keys]);

  const from = Math.max(0, Math.floor(view.top / rowHeight) - OVERSCAN_ROWS);
  const to = Math.min(keys.length, Math.ceil((view.top + view.height) / rowHeight) + OVERSCAN_ROWS);

  const onScroll = () => {
    const first = Math.floor(frame.current.scrollTop / rowHeight);
    anchor.current = { key: keys[first], index: first };
    look();
  };

  useLayoutEffect(() => {
    if (to >= keys.length) nearEnd();
  }, [to, keys.length]);

  return { frame, onScroll, from, to, above: from * rowHeight, below: (keys.length - to) * rowHeight };
}
