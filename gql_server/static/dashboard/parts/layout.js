// The frame around every page: navigation, connection light, theme, sign-in.
import { firstAnswer } from "../api.js";
import { html } from "../html.js";
import { connection } from "../live.js";
import { Link, place } from "../router.js";
import { session } from "../session.js";
import { useStore } from "../use_store.js";
import { nextTheme, theme } from "../theme.js";
import { Leaving } from "./leaving.js";
import { Notices } from "./notices.js";
import { RunDialog } from "./run_dialog.js";
import { lookWhoIsSignedIn, SignIn, SignOut } from "./sign_in.js";
import { SyncReport } from "./sync.js";
import { WhoWorks } from "./who_works.js";

const PAGES = [
  ["/", "Grid"],
  ["/leaderboard", "Leaderboard"],
  ["/batches", "Batches"],
  ["/executions", "Executions"],
  ["/agents", "Agents"],
  ["/benchmarks", "Benchmarks"],
];

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

export function Layout({ children }) {
  const { path } = useStore(place);
  const { wanted } = useStore(session);
  return html`
    <a class="skip" href="#content">Skip to the content</a>
    <header class="top">
      <${Link} href="/" class="brand">reev<span>gql</span></${Link}>
      <nav aria-label="Pages">
        ${PAGES.map(
          ([href, title]) => html`
            <${Link} key=${href} href=${href} aria-current=${isCurrent(href, path) ? "page" : undefined}>${title}</${Link}>
          `,
        )}
        ${HAS_GRAPHIQL && html`<a href="/graphiql">GraphiQL</a>`}
      </nav>
      <${ConnectionLight} />
      <${WhoWorks} />
      <${SignOut} />
      <${ThemeButton} />
    </header>
    <main id="content" tabindex="-1">
      ${wanted && path !== "/sign-in" ? html`<${SignIn} why=${`The server says: ${wanted}.`} onDone=${() => location.reload()} />` : children}
    </main>
    <${SyncReport} />
    <${RunDialog} />
    <${Leaving} />
    <${Notices} />
  `;
}
