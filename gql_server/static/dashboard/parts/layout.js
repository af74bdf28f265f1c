// The frame around every page: navigation, connection light, theme, sign-in.
import { firstAnswer } from "../api.js";
import { html, useEffect, useLayoutEffect, useRef } from "../html.js";
import { lazy } from "../lazy.js";
import { connection } from "../live.js";
import { PAGES } from "../pages_table.js";
import { Link, place } from "../router.js";
import { session } from "../session.js";
import { useStore } from "../use_store.js";
import { nextTheme, theme } from "../theme.js";
import { dialog, openFinder, openHelp } from "../shortcuts.js";
import { Leaving } from "./leaving.js";
import { Notices } from "./notices.js";
import { RunDialog } from "./run_dialog.js";
import { lookWhoIsSignedIn, SignIn, SignOut } from "./sign_in.js";
import { SyncReport } from "./sync.js";
import { WhoWorks } from "./who_works.js";

const DIALOGS = {
  finder: lazy(() => import("./finder.js"), "Finder"),
  help: lazy(() => import("./shortcut_help.js"), "ShortcutHelp"),
};

const HAS_GRAPHIQL = document.getElementById("app").dataset.graphiql === "on";

const LIGHTS = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  offline: "Offline",
};

const EXPLAINED = {
  connecting: "The connection to the server is being made.",
  live: "Every change appears as it happens.",
  reconnecting: "The connection was cut. It goes on where it stood as soon as the server answers.",
  offline: "The server does not answer. What is shown is what it said last; nothing is invented.",
};

function ConnectionLight() {
  const state = useStore(connection);
  return html`
    <span class="light" role="status" data-state=${state} title=${EXPLAINED[state]}>${LIGHTS[state]}</span>
  `;
}

function ThemeButton() {
  const choice = useStore(theme);
  return html`
    <button type="button" class="plain" onClick=${nextTheme} aria-label=${`Colours: ${choice}. Change`} title=${`Colours: ${choice}`}>
      ${{ system: "◐", light: "☀", dark: "☾" }[choice]}
    </button>
  `;
}

const isCurrent = (href, path) =>
  href === "/" ? path === "/" : path === href || path.startsWith(`${href}/`);

firstAnswer.then(lookWhoIsSignedIn);

// How high the header is, which stays in sight: what gets the focus is scrolled to below it (style/base.css).
function useHeaderHeight() {
  const header = useRef(null);
  useLayoutEffect(() => {
    const measure = () =>
      document.documentElement.style.setProperty("--top-height", `${header.current.offsetHeight}px`);
    const observer = new ResizeObserver(measure);
    observer.observe(header.current);
    return () => observer.disconnect();
  }, []);
  return header;
}

// On a phone the navigation is wider than the screen: the page's own link is brought into sight.
function useCurrentInSight(path) {
  const nav = useRef(null);
  useEffect(() => {
    const link = nav.current.querySelector("[aria-current]")?.getBoundingClientRect();
    const frame = nav.current.getBoundingClientRect();
    if (link)
      nav.current.scrollLeft +=
        Math.ceil(Math.max(0, link.right - frame.right)) + Math.floor(Math.min(0, link.left - frame.left));
  }, [path]);
  return nav;
}

export function Layout({ children }) {
  const { path } = useStore(place);
  const { wanted } = useStore(session);
  const header = useHeaderHeight();
  const nav = useCurrentInSight(path);
  const Dialog = DIALOGS[useStore(dialog)];
  return html`
    <a class="skip" href="#content">Skip to the content</a>
    <header class="top" ref=${header}>
      <${Link} href="/" class="brand">reev<span>gql</span></${Link}>
      <nav aria-label="Pages" ref=${nav}>
        ${PAGES.map(
          ({ href, title }) => html`
            <${Link} key=${href} href=${href} aria-current=${isCurrent(href, path) ? "page" : undefined}>${title}</${Link}>
          `,
        )}
        ${HAS_GRAPHIQL && html`<a href="/graphiql">GraphiQL</a>`}
      </nav>
      <${ConnectionLight} />
      <button type="button" class="plain" aria-keyshortcuts="Control+K" title="Search everything (Ctrl K)" onClick=${openFinder}>Search</button>
      <${WhoWorks} />
      <${SignOut} />
      <${ThemeButton} />
      <button type="button" class="plain" aria-label="Shortcuts" title="Shortcuts (?)" onClick=${openHelp}>?</button>
    </header>
    <main id="content" tabindex="-1">
      ${wanted && path !== "/sign-in" ? html`<${SignIn} why=${`The server says: ${wanted}.`} onDone=${() => location.reload()} />` : children}
    </main>
    <${SyncReport} />
    <${RunDialog} />
    <${Leaving} />
    ${Dialog && html`<${Dialog} />`}
    <${Notices} />
  `;
}
