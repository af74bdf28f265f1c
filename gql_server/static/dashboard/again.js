// Tries again what failed because the server was away for a moment.
import { reachable } from "./api.js";
import { useEffect } from "./html.js";

const AGAIN_MS = 5_000;

// While `isWanted`, calls `act` now and then, and at once when the server is back.
export function useAgain(isWanted, act, dependency) {
  useEffect(() => {
    if (!isWanted) return undefined;
    const timer = setTimeout(act, AGAIN_MS);
    const stop = reachable.subscribe((isReached) => isReached && act());
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [dependency]);
}
