// Builds the page: GraphiQL over HTTP for queries and mutations, over one websocket for each subscription.
"use strict";

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
  return response.json();
}

function isSubscription(operation, documentAST) {
  const operations = (documentAST?.definitions ?? []).filter((node) => node.kind === "OperationDefinition");
  const chosen = operations.find((node) => node.name?.value === operation.operationName) ?? operations[0];
  return chosen?.operation === "subscription";
}

function fetcher(operation, options) {
  const headers = options?.headers ?? {};
  if (isSubscription(operation, options?.documentAST)) return summaries(WS_URL, headers, operation);
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
