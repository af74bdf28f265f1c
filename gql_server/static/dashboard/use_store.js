// The hook that shows a store in a component.
import { useEffect, useState } from "./html.js";

// The store's value in a component; with `select`, only a change of what it picks renders again.
export function useStore(store, select = (value) => value) {
  const picked = select(store.value);
  const [, render] = useState(0);
  useEffect(() => {
    let shown = select(store.value);
    if (!Object.is(shown, picked)) render((count) => count + 1);
    return store.subscribe((value) => {
      const next = select(value);
      if (Object.is(next, shown)) return;
      shown = next;
      render((count) => count + 1);
    });
  }, [store]);
  return picked;
}
