// What is said to the viewer: notices that come and go, errors with a way on, empty states that say what to do.
import { reachable, unreachable } from "../api.js";
import { html } from "../html.js";
import { Store } from "../store.js";
import { useStore } from "../use_store.js";

const SHOWN_MS = 8_000;

const notices = new Store([]);
let last = 0;

// Shows a sentence for a while; `kind` is "good" or "bad". A bad one stays until it is closed; with `whileUnreachable`,
// until the server answers again.
export function notify(text, kind = "good", link = null, whileUnreachable = false) {
  last += 1;
  const notice = { id: last, text, kind, link, whileUnreachable };
  notices.update((shown) => [...shown.slice(-3), notice]);
  if (kind === "good") setTimeout(() => dismiss(notice.id), SHOWN_MS);
}

const dismiss = (id) => notices.update((shown) => shown.filter((notice) => notice.id !== id));

reachable.subscribe((isReached) => {
  if (isReached) notices.update((shown) => shown.filter(({ whileUnreachable }) => !whileUnreachable));
});

export function Notices() {
  const shown = useStore(notices);
  return html`
    <div class="notices" role="status" aria-live="polite">
      ${shown.map(
        ({ id, text, kind, link }) => html`
          <div key=${id} class=${`notice ${kind}`}>
            <span>${text} ${link && html`<a href=${link.href}>${link.text}</a>`}</span>
            <button type="button" class="plain" aria-label="Close this message" onClick=${() => dismiss(id)}>✕</button>
          </div>
        `,
      )}
    </div>
  `;
}

// Does something that may fail in words; the failure becomes a notice. Returns the result, or null.
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    notify(error.message, "bad", null, error.code === "UNREACHABLE");
    return null;
  }
}

// `what` could not be shown; the place says what "this" is.
export function ErrorNote({ error, what = "This", retry }) {
  return html`
    <div class="error-note" role="alert">
      <p><strong>${what} could not be shown.</strong> ${error.message}</p>
      ${retry && html`<button type="button" onClick=${retry}>Try again</button>`}
    </div>
  `;
}

export const Empty = ({ title, children }) => html`
  <div class="empty">
    <h2>${title}</h2>
    ${children}
  </div>
`;

// What waits for a server that is away says so, and goes on when it is back.
export function Loading({ what }) {
  if (!useStore(reachable)) return html`<${ErrorNote} error=${unreachable()} />`;
  return html`<p class="loading" aria-busy="true">Loading ${what} …</p>`;
}

// A page's data, or what stands in its place: the error, or that it is being loaded.
export function Shown({ live, what, children }) {
  const { data, error, reload } = live;
  return html`
    ${error && html`<${ErrorNote} error=${error} retry=${reload} />`}
    ${data ? children(data) : !error && html`<${Loading} what=${what} />`}
  `;
}
