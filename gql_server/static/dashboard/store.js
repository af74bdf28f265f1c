// A value that tells its subscribers when it changes. All shared state is one of these.

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
