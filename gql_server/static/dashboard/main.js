// Starts the dashboard: which page belongs to which address.
import { html, render } from "./html.js";
import { AgentPage } from "./pages/agent.js";
import { AgentsPage } from "./pages/agents.js";
import { BenchmarkPage } from "./pages/benchmark.js";
import { BenchmarksPage } from "./pages/benchmarks.js";
import { ComparePage } from "./pages/compare.js";
import { ExecutionPage } from "./pages/execution.js";
import { ExecutionsPage } from "./pages/executions.js";
import { GridPage } from "./pages/grid.js";
import { Layout } from "./parts/layout.js";
import { Empty } from "./parts/notices.js";
import { Link, match, place } from "./router.js";
import { useStore } from "./store.js";
import "./theme.js";

// pages.py serves this page for the same addresses.
const ROUTES = [
  ["/", GridPage],
  ["/executions", ExecutionsPage],
  ["/executions/:id", ExecutionPage],
  ["/compare/:left/:right", ComparePage],
  ["/agents", AgentsPage],
  ["/agents/:name", AgentPage],
  ["/benchmarks", BenchmarksPage],
  ["/benchmarks/:id", BenchmarkPage],
];

const NotFound = () => html`
  <${Empty} title="There is no such page">
    <p>The address may be mistyped. <${Link} href="/">Go to the grid</${Link}>.</p>
  </${Empty}>
`;

function App() {
  const { path } = useStore(place);
  const [Page, parameters] = match(ROUTES, path) ?? [NotFound, {}];
  // Another address of the same page is another page: nothing of the former one stays.
  return html`<${Layout}><${Page} key=${path} ...${parameters} /></${Layout}>`;
}

render(html`<${App} />`, document.getElementById("app"));
