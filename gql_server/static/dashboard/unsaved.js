// Text that is not stored yet. Whoever would leave it is asked first: by links, by back and forward, and by the browser
// itself when the page is closed or loaded anew. A copy outlives what nobody is asked about, such as a crash.
import { useEffect, useRef } from "./html.js";
import { Store } from "./store.js";

// What goes on when the viewer says that the text may be lost; null while nobody is asked.
export const question = new Store(null);

const kept = new Map();

const warn = (event) => event.preventDefault();

function keep(owner, draft) {
  // The state is that of the history's entry with the text.
  kept.set(owner, { draft, state: history.state });
  addEventListener("beforeunload", warn);
}

function release(owner) {
  kept.delete(owner);
  if (kept.size > 0) return;
  question.set(null);
  removeEventListener("beforeunload", warn);
}

// For a form: whether it holds what is not stored, and the name of the text's draft, if it has one. What is returned
// lets the page be left without a question, when the text is stored or given up.
export function useUnsaved(isUnsaved, draft = null) {
  const { current: owner } = useRef({});
  useEffect(() => {
    if (isUnsaved) keep(owner, draft);
    else release(owner);
  }, [isUnsaved]);
  useEffect(() => () => release(owner), []);
  return () => release(owner);
}

function leaveAll() {
  for (const [owner, { draft }] of kept) {
    if (draft) keepDraft(draft, null);
    release(owner);
  }
}

// A change of filters or tabs draws the same page; without `edit` its form is gone.
function isSamePage(former, next) {
  const [one, other] = [former, next].map((href) => new URL(href, location.origin));
  return one.pathname === other.pathname && one.searchParams.get("edit") === other.searchParams.get("edit");
}

const here = () => location.pathname + location.search;

// Whether the page may be left now for another address. If not, the viewer is asked, and `leave` is called when they
// agree.
export function mayLeave(href, leave) {
  if (kept.size === 0 || (href !== null && isSamePage(here(), href))) return true;
  question.set(() => {
    leaveAll();
    leave();
  });
  return false;
}

// The same for back and forward, which have changed the address already; `former` is the address before.
export function mayGoBack(former) {
  if (kept.size === 0 || isSamePage(former, here())) return true;
  const [{ state }] = kept.values();
  history.pushState(state, "", former);
  return mayLeave(null, () => history.back());
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
