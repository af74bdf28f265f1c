// Text that is not stored yet. Whoever would leave it is asked first: by links, by back and forward, and by the browser
// itself when the page is closed or loaded anew. A copy outlives what nobody is asked about, such as a crash.
import { Store } from "./store.js";

// What goes on when the viewer says that the text may be lost; null while nobody is asked.
export const question = new Store(null);

let kept = null;

const warn = (event) => event.preventDefault();

// `name` is that of the text's draft; `state` that of its entry in the history.
export function guard(name) {
  kept ??= { name, state: history.state };
  addEventListener("beforeunload", warn);
}

export function release() {
  kept = null;
  question.set(null);
  removeEventListener("beforeunload", warn);
}

// Whether a page may be left now. If not, the viewer is asked, and `leave` is called when they agree.
export function mayLeave(leave) {
  if (!kept) return true;
  question.set(() => {
    keepDraft(kept.name, null);
    release();
    leave();
  });
  return false;
}

// The same for back and forward, which have changed the address already; `former` is the address before.
export function mayGoBack(former) {
  if (!kept || former === location.pathname + location.search) return true;
  history.pushState(kept.state, "", former);
  return mayLeave(() => history.back());
}

const keyOf = (name) => `reev-gql-draft:${name}`;

// The unsaved text of before with this name, and the revision it was made from; null without.
export function draftOf(name) {
  try {
    return JSON.parse(sessionStorage.getItem(keyOf(name)));
  } catch {
    return null;
  }
}

export function keepDraft(name, draft) {
  try {
    if (draft) sessionStorage.setItem(keyOf(name), JSON.stringify(draft));
    else sessionStorage.removeItem(keyOf(name));
  } catch {
    // The storage is full or forbidden: the viewer is still asked.
  }
}
