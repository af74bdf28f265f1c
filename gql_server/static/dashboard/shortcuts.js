// What single keys do, everywhere on the pages: the table that the help shows, and what listens for it.
import { PAGES } from "./pages_table.js";
import { go } from "./router.js";
import { Store } from "./store.js";

const KEY = "reev-gql-shortcuts";
const SECOND_KEY_MS = 1_500;

// Who speaks to the computer, or hits keys by mistake, switches single keys off.
export const singleKeys = new Store(localStorage.getItem(KEY) !== "off");
singleKeys.subscribe((on) => {
  if (on) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, "off");
});

// Which of the dialogs is open: "help", "finder" or null.
export const dialog = new Store(null);

export const SHORTCUTS = [
  ["?", "these shortcuts"],
  ["/", "search this page; where there is nothing to search, everything"],
  ["s", "search everything: benchmarks, agents, batches, executions"],
  ...PAGES.map(({ key, title }) => [`g ${key}`, title]),
];

// These are there without a choice: they need Ctrl, or something that has the focus.
export const ALWAYS = [
  ["Ctrl K", "search everything"],
  ["← →", "the tab before and after, on a row of tabs"],
  ["↑ ↓", "from one result to the next, in a search; scroll, in a table"],
  ["Esc", "close what is open"],
];

const typesInto = (element) =>
  element?.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(element?.tagName);

let leads = 0;

function onKey(event) {
  if (event.defaultPrevented || event.isComposing || event.altKey || event.repeat) return;
  if (document.querySelector("dialog[open]")) return;
  const act = event.ctrlKey || event.metaKey ? withControl(event) : single(event);
  if (!act) return;
  event.preventDefault();
  act();
}

// In a text of several lines Ctrl K may have a meaning of its own.
const withControl = ({ key, shiftKey, target }) =>
  key.toLowerCase() === "k" && !shiftKey && !target?.isContentEditable && target?.tagName !== "TEXTAREA"
    ? openFinder
    : null;

function single({ key, target }) {
  if (!singleKeys.value || typesInto(target)) return null;
  const isSecond = performance.now() < leads;
  leads = 0;
  const page = isSecond && PAGES.find((page) => page.key === key);
  if (page) return () => go(page.href);
  return { g: lead, "?": openHelp, "/": searchPage, s: openFinder }[key];
}

// The next key says where to.
function lead() {
  leads = performance.now() + SECOND_KEY_MS;
}

export const openHelp = () => dialog.set("help");
export const openFinder = () => dialog.set("finder");

function searchPage() {
  const field = document.querySelector("main input[type=search]");
  if (!field) return openFinder();
  field.focus();
  field.select();
}

addEventListener("keydown", onKey);
