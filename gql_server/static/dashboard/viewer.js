// Who looks at the page, and what they may do: asked once, when the first page stands.
import { ask, firstAnswer } from "./api.js";
import { Store } from "./store.js";

const SCOPES = ["READ", "RUN", "ADMIN"];

// null until the server has said it.
export const viewer = new Store(null);

// Why a viewer may not do what needs this scope; null when they may, or while nobody knows.
export function whyNot(viewer, needed) {
  if (!viewer || SCOPES.indexOf(viewer.scope) >= SCOPES.indexOf(needed)) return null;
  return `This needs a token with the scope ${needed.toLowerCase()}; yours has ${viewer.scope.toLowerCase()}`;
}

firstAnswer.then(() => ask("viewer")).then((answer) => viewer.set(answer.viewer), () => {});
