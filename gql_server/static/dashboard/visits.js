// What a viewer leaves behind with each entry of the history: how far it was scrolled, what had the focus, and the
// data of its page. Going back brings all of it again.

// So many pages keep their data, each of so many questions, for so long; of the others, place and focus are kept.
const KEPT_PAGES = 8;
const KEPT_QUESTIONS = 4;
const KEPT_MS = 600_000;
const KEPT_VIEWS = 100;
const STORED = "reev-gql-views";
const PATIENCE_MS = 30_000;

const views = new Map();
const data = new Map();
let current = null;
let cancel = () => {};

const newVisit = () => crypto.getRandomValues(new Uint32Array(2)).join("-");
const content = () => document.getElementById("content");

// `moved`: the viewer has gone from one page to another since it was loaded. `isBack`: this one was shown before.
export const visits = { moved: false, isBack: false };

// The entry of the history that is shown now; one that has no name yet gets one.
export function enter({ isNew }) {
  current = (!isNew && history.state?.visit) || newVisit();
  if (history.state?.visit !== current) history.replaceState({ ...history.state, visit: current }, "");
}

export const stateOfNew = () => ({ visit: newVisit() });

// Notes how the page looks that is being left.
export function leave() {
  cancel();
  views.set(current, look());
}

// Brings the page to the top, or back to where it was left.
export function arrive({ isBack }) {
  visits.moved = true;
  if (isBack && views.has(current)) bringBack(views.get(current));
  else scrollTo(0, 0);
}

export const thisVisit = () => current;

// What was kept of a question when this page was left; null unless the viewer has come back to it.
export function keptData(key) {
  const kept = visits.isBack ? data.get(current)?.get(key) : null;
  return kept && performance.now() - kept.at < KEPT_MS ? kept.value : null;
}

export function keepData(visit, key, value) {
  const kept = data.get(visit) ?? new Map();
  kept.delete(key);
  shorten(kept.set(key, { value, at: performance.now() }), KEPT_QUESTIONS);
  data.delete(visit);
  shorten(data.set(visit, kept), KEPT_PAGES);
}

// Forgets what came first.
function shorten(map, length) {
  for (const key of [...map.keys()].slice(0, -length)) map.delete(key);
}

const frames = () => [...(content()?.querySelectorAll("[role=region][aria-label], .code, .output") ?? [])];

function look() {
  const scrolled = frames().map(({ scrollTop, scrollLeft }, index) => [index, scrollTop, scrollLeft]);
  const focused = document.activeElement;
  return {
    top: scrollY,
    frames: scrolled.filter(([, top, left]) => top > 0 || left > 0),
    focus: content()?.contains(focused) && focused !== content() ? described(focused) : null,
  };
}

// Enough to know an element again that was drawn anew.
function described(element) {
  const name = nameOf(element);
  const same = [...content().querySelectorAll(element.localName)].filter((other) => nameOf(other) === name);
  return { tag: element.localName, name, index: same.indexOf(element) };
}

const nameOf = (element) =>
  element.id ||
  element.getAttribute("href") ||
  element.getAttribute("aria-label") ||
  element.closest("label")?.firstChild?.textContent?.trim() ||
  element.textContent.trim();

function found({ tag, name, index }) {
  const same = [...content().querySelectorAll(tag)].filter((element) => nameOf(element) === name);
  return same[index] ?? same[0];
}

// As soon as the page is drawn that far; given up when the viewer does something else meanwhile.
function bringBack(view) {
  const until = performance.now() + PATIENCE_MS;
  let over = false;
  const events = ["wheel", "pointerdown", "keydown", "touchstart"];
  cancel = () => {
    over = true;
    for (const name of events) removeEventListener(name, cancel);
  };
  for (const name of events) addEventListener(name, cancel, { passive: true });
  const step = () => {
    if (over) return;
    if (isAsItWas(view) || performance.now() > until) cancel();
    else requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

// Moves the page towards the view; whether it has got there.
function isAsItWas({ top, frames: scrolled, focus }) {
  if (!content() || content().querySelector("[aria-busy]")) return false;
  const all = frames();
  let there = true;
  for (const [index, frameTop, frameLeft] of scrolled) {
    all[index]?.scrollTo(frameLeft, frameTop);
    there &&= Math.abs((all[index]?.scrollTop ?? -1) - frameTop) < 2;
  }
  scrollTo(0, top);
  there &&= Math.abs(scrollY - top) < 2;
  if (!focus || !there) return there;
  const element = found(focus);
  element?.focus({ preventScroll: true });
  return element !== undefined;
}

// A page that is loaded anew is scrolled to where it was, and so is one to which the viewer comes back from elsewhere.
history.scrollRestoration = "manual";
let focusAtEnd = null;
addEventListener("beforeunload", () => {
  focusAtEnd = look().focus;
});
addEventListener("pagehide", () => {
  const view = look();
  // A browser that keeps the page takes the focus away before.
  views.set(current, { ...view, focus: view.focus ?? focusAtEnd });
  shorten(views, KEPT_VIEWS);
  sessionStorage.setItem(STORED, JSON.stringify([...views]));
});
for (const [visit, view] of JSON.parse(sessionStorage.getItem(STORED) ?? "[]")) views.set(visit, view);
enter({ isNew: false });
if (views.has(current)) addEventListener("DOMContentLoaded", () => bringBack(views.get(current)));
