// Who is signed in, in all tabs. The token is in a cookie that no script can read (gql_server/auth/sessions.py).
import { Store } from "./store.js";

// `wanted` says why the server refused us, so that the page asks for a token; `name` and `scope` are those of the token.
export const session = new Store({ wanted: null, name: null, scope: null });

// A tab that signs in or out says so: what the others show, and their streams, belong to another token then.
const tabs = new BroadcastChannel("reev-gql-session");
tabs.onmessage = () => location.reload();

async function call(method, body) {
  let response;
  try {
    const headers = body ? { "Content-Type": "application/json" } : {};
    response = await fetch("/session", { method, headers, body: body && JSON.stringify(body) });
  } catch {
    throw new Error("The server cannot be reached. Is `make serve` running?");
  }
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  const words = answer?.errors?.[0]?.message ?? `The server answered with status ${response.status}`;
  const wait = response.headers.get("Retry-After");
  throw new Error(wait ? `${words} ${wait} s` : words);
}

// Raises an Error that says what is wrong. What was copied with the word before it is a token too.
export async function signIn(text) {
  await call("POST", { token: text.trim().replace(/^(authorization:\s*)?bearer\s+/i, "") });
  tabs.postMessage("signed in");
}

export async function signOut() {
  await call("DELETE");
  tabs.postMessage("signed out");
}

export async function learnSession() {
  const answer = await call("GET");
  session.update((known) => ({ ...known, ...answer }));
}

export function tokenRefused(why) {
  session.update((known) => ({ ...known, wanted: why }));
}
