// The viewer's token, where the server wants one. It lives as long as the tab and is never part of an address.
import { Store } from "./store.js";

const KEY = "reev-gql-token";

// `wanted` is set when the server refused us for lack of a token: then the page asks for one.
export const session = new Store({ token: sessionStorage.getItem(KEY), wanted: false });

export function signIn(token) {
  sessionStorage.setItem(KEY, token);
  session.set({ token, wanted: false });
}

export function tokenRefused() {
  session.set({ token: null, wanted: true });
  sessionStorage.removeItem(KEY);
}

export function authorization() {
  const { token } = session.value;
  return token ? { Authorization: `Bearer ${token}` } : {};
}
