// One tick a second for everything that counts, and the difference between the server's clock and the viewer's.
import { Store } from "./store.js";

const TICK_MS = 1000;

let offsetMs = 0;

// Ages are counted by the server's clock: a viewer whose clock is wrong still sees true ones.
export function learnServerTime(dateHeader) {
  const server = Date.parse(dateHeader ?? "");
  if (Number.isNaN(server)) return;
  const difference = server - Date.now();
  // The header has whole seconds: less than two are no difference.
  offsetMs = Math.abs(difference) < 2000 ? 0 : difference;
}

export const serverNow = () => Date.now() + offsetMs;

export const clock = new Store(serverNow());
setInterval(() => clock.set(serverNow()), TICK_MS);
