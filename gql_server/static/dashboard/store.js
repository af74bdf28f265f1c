// A value that tells its subscribers when it changes, and the hook that shows it. All shared state is one of these.
import { useEffect, useState } from "./html.js";

export class Store {
  #subscribers = new Set();

  constructor(value) {
    this.value = value;
  }

  set(value) {
    if (Object.is(value, this.value)) return;
    this.value = value;
    for (const subscriber of [...this.#subscribers]) subscriber(value);
  }

  update(change) {
    this.set(change(this.value));
  }

  subscribe(subscriber) {
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }
}

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
