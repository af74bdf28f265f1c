// The frame around every page: navigation, connection light, theme, sign-in.
import { html, useState } from "../html.js";
import { connection } from "../live.js";
import { Link, place } from "../router.js";
import { session, signIn } from "../session.js";
import { useStore } from "../use_store.js";
import { nextTheme, theme } from "../theme.js";
import { Notices } from "./notices.js";
import { RunDialog } from "./run_dialog.js";
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

function SignIn() {
  const [token, setToken] = useState("");
  const submit = (event) => {
    event.preventDefault();
    signIn(token.trim());
    location.reload();
  };
  return html`
    <main class="sign-in">
      <h1>A token is needed</h1>
      <p>This server answers only to those who bring one. It stays in this tab and is forgotten with it.</p>
      <form onSubmit=${submit}>
        <label>Token <input type="password" autocomplete="off" required value=${token} onInput=${(event) => setToken(event.target.value)} /></label>
        <button type="submit" class="primary">Sign in</button>
      </form>
    </main>
  `;
}

const isCurrent = (href, path) =>
  href === "/" ? path === "/" : path === href || path.startsWith(`${href}/`);

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
      <${ThemeButton} />
    </header>
    ${wanted ? html`<${SignIn} />` : html`<main id="content" tabindex="-1">${children}</main>`}
    <${SyncReport} />
    <${RunDialog} />
    <${Notices} />
  `;
}
