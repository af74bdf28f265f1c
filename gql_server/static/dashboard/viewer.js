// Who looks at the page, and what they may do: what every page's question asks besides.
import { Store } from "./store.js";

const SCOPES = ["READ", "RUN", "ADMIN"];

// null until the server has said it.
export const scope = new Store(null);

export function learnViewer(viewer) {
  if (viewer) scope.set(viewer.scope);
}

// Why who has the scope `has` may not do what needs another; null when they may, or while nobody knows.
export function whyNot(has, needed) {
  if (!has || SCOPES.indexOf(has) >= SCOPES.indexOf(needed)) return null;
  return `This needs a token with the scope ${needed.toLowerCase()}; yours has ${has.toLowerCase()}`;
}
