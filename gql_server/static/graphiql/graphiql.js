// Builds the page: GraphiQL over HTTP for queries and mutations, over one websocket for each subscription.
import { parse } from "../dashboard/exact_json.js";
import "../dashboard/session.js"; // Loads this page anew when another tab signs in or out.
import { share, tabOfLink } from "./links.js";

const EXAMPLES = ["query", "mutation", "subscription"];
const HTTP_URL = "/graphql";
const WS_URL = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${HTTP_URL}`;

// The only style element that GraphiQL adds by itself (under its dialogs) asks for the page's nonce by this name.
window.__webpack_nonce__ = document.getElementById("start").dataset.nonce;

async function overHttp(operation, headers) {
  const response = await fetch(HTTP_URL, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(operation),
  });
  if (response.status === 401 && !("Authorization" in headers)) signIn();
  return parse(await response.text());
}

// Goes to the page that asks for a token, and from there back to here.
function signIn() {
  const here = location.pathname + location.search;
  location.assign(`/sign-in?next=${encodeURIComponent(here)}`);
}

// The operations of a document, each with its kind and name: what stands before each outermost selection set.
// GraphiQL has this too, but for a moment after a change of tab it still has that of the former tab.
function operationsOf(document) {
  const bare = document.replace(/"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|#[^\n]*/g, " ");
  const headers = [];
  let depth = 0;
  let header = "";
  for (const character of bare) {
    if ("{([".includes(character)) {
      if (depth === 0 && character === "{") {
        headers.push(header);
        header = "";
      }
      depth += 1;
    } else if ("})]".includes(character)) depth -= 1;
    else if (depth === 0) header += character;
  }
  return headers
    .map((text) => text.trim().split(/[\s,@]+/))
    .filter(([kind]) => kind !== "fragment")
    .map(([kind, name]) => ({ kind: kind || "query", name: name }));
}

function fetcher(request, options) {
  const operations = operationsOf(request.query);
  const named = operations.find((operation) => operation.name && operation.name === request.operationName);
  const operation = { ...request, operationName: named?.name };
  const headers = options?.headers ?? {};
  if ((named ?? operations[0])?.kind === "subscription") return summaries(WS_URL, headers, operation);
  return overHttp(operation, headers);
}

async function example(name) {
  const response = await fetch(`/static/graphiql/examples/${name}.graphql`);
  return { query: await response.text() };
}

const { createElement, useState } = React;
const { ToolbarButton, useEditorContext } = GraphiQL.React;

function ShareButton() {
  const { queryEditor, variableEditor } = useEditorContext();
  const [said, setSaid] = useState("");
  const onClick = async () =>
    setSaid(await share(queryEditor?.getValue() ?? "", variableEditor?.getValue() ?? ""));
  return createElement(
    React.Fragment,
    {},
    createElement(
      ToolbarButton,
      { onClick, label: "Share this operation as a link" },
      createElement("span", { className: "share", "aria-hidden": true }, "⤴"),
    ),
    createElement("span", { className: "said", role: "status", onClick: () => setSaid("") }, said),
  );
}

const tools = ({ prettify, merge, copy }) => [
  createElement(React.Fragment, { key: "own" }, prettify, merge, copy),
  createElement(ShareButton, { key: "share" }),
];

async function start() {
  const examples = await Promise.all(EXAMPLES.map(example));
  const linked = tabOfLink();
  ReactDOM.createRoot(document.getElementById("graphiql")).render(
    createElement(
      GraphiQL,
      {
        fetcher,
        ...linked,
        defaultTabs: linked ? [linked, ...examples] : examples,
        plugins: [GraphiQL.HISTORY_PLUGIN, GraphiQLPluginExplorer.explorerPlugin()].filter(Boolean),
        shouldPersistHeaders: false,
      },
      createElement(
        GraphiQL.Logo,
        {},
        createElement("a", { href: "/", title: "Back to the grid" }, "← reev-gql"),
      ),
      createElement(GraphiQL.Toolbar, {}, tools),
    ),
  );
}

start();
