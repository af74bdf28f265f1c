// Builds the page: GraphiQL over HTTP for queries and mutations, over one websocket for each subscription.
import "../dashboard/session.js"; // Loads this page anew when another tab signs in or out.

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
  return response.json();
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

async function start() {
  const defaultTabs = await Promise.all(EXAMPLES.map(example));
  const root = ReactDOM.createRoot(document.getElementById("graphiql"));
  root.render(
    React.createElement(
      GraphiQL,
      { fetcher: fetcher, defaultTabs: defaultTabs, shouldPersistHeaders: false },
      React.createElement(GraphiQL.Logo, {}, "reev-gql"),
    ),
  );
}

start();
