// One websocket for all subscriptions of the page. After a cut every stream goes on from its own cursor, so
// nothing is missing and nothing comes twice; `connection` says how the socket is.
import { failure, reachable } from "./api.js";
import { documentText } from "./documents.js";
import { exactly } from "./exact_json.js";
import { tokenRefused } from "./session.js";
import { Store } from "./store.js";

const { createClient } = globalThis.graphqlWs;

const KEEP_ALIVE_MS = 10_000;
// A ping that is not answered by then means a dead peer, which no socket reports by itself.
const PONG_MS = 5_000;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5_000;
// So many attempts in a row without success are called offline; attempts go on all the same.
const OFFLINE_AFTER = 3;
const FORBIDDEN = new Set([4401, 4403]);

// "connecting" before the first connection, then "live", "reconnecting" or "offline".
export const connection = new Store("connecting");

let attempts = 0;
let pongTimer = 0;
let wake = () => {};

function wait() {
  const longest = Math.min(FIRST_WAIT_MS * 2 ** attempts, LONGEST_WAIT_MS);
  attempts += 1;
  const offline = !navigator.onLine || attempts > OFFLINE_AFTER;
  connection.set(offline ? "offline" : "reconnecting");
  if (offline) reachable.set(false);
  return new Promise((resolve) => {
    // With jitter: a thousand pages must not come back in the same moment.
    const timer = setTimeout(resolve, longest * (0.5 + Math.random() / 2));
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

const scheme = location.protocol === "https:" ? "wss" : "ws";

const client = createClient({
  url: `${scheme}://${location.host}/graphql`,
  keepAlive: KEEP_ALIVE_MS,
  jsonMessageReviver: exactly,
  // Open as long as the page is, or the light could not tell.
  lazy: false,
  onNonLazyError: () => {},
  retryAttempts: Infinity,
  retryWait: wait,
  shouldRetry: (cause) => !FORBIDDEN.has(cause?.code),
  on: {
    connected: () => {
      attempts = 0;
      connection.set("live");
      reachable.set(true);
    },
    closed: (event) => {
      clearTimeout(pongTimer);
      if (FORBIDDEN.has(event?.code)) tokenRefused(reason(event));
      if (connection.value === "live") connection.set("reconnecting");
    },
    ping: (received) => {
      if (received) return;
      clearTimeout(pongTimer);
      pongTimer = setTimeout(() => client.terminate(), PONG_MS);
    },
    pong: (received) => {
      if (received) clearTimeout(pongTimer);
    },
  },
});

addEventListener("online", () => wake());
addEventListener("offline", () => {
  if (connection.value !== "connecting") connection.set("offline");
});

// Follows a subscription until `stop` (returned) is called. `next` gets its data; `resume(data)` returns the
// variables to go on with after a cut, from the newest data. `failed` gets a RequestFailed, `complete` nothing.
export function follow(name, variables, { next, resume, failed, complete }) {
  const payload = { query: documentText(name), variables: { ...variables } };
  let stopped = false;

  const stop = client.subscribe(payload, {
    next: ({ data, errors }) => {
      if (errors?.length) return failed?.(failure(errors));
      // The client sends this very object again after a cut: then from here on.
      Object.assign(payload.variables, resume?.(data));
      next(data);
    },
    error: (errors) => {
      if (!stopped) failed?.(failure(Array.isArray(errors) ? errors : [{ message: words(errors) }]));
    },
    complete: () => {
      if (!stopped) complete?.();
    },
  });

  return () => {
    stopped = true;
    stop();
  };
}

const reason = (event) => event.reason.replace(/^Forbidden: /, "");

function words(cause) {
  if (FORBIDDEN.has(cause?.code)) return reason(cause);
  return cause?.reason || cause?.message || "The stream broke off";
}
