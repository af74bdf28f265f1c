// Starts the dashboard: which page belongs to which address.
import { html, render } from "./html.js";
import { bringAll, lazy } from "./lazy.js";
import { Layout } from "./parts/layout.js";
import { match, place } from "./router.js";
import { useStore } from "./use_store.js";
import "./theme.js";

const AgentPage = lazy(() => import("./pages/agent.js"), "AgentPage");
const AgentsPage = lazy(() => import("./pages/agents.js"), "AgentsPage");
const BatchesPage = lazy(() => import("./pages/batches.js"), "BatchesPage");
const BatchPage = lazy(() => import("./pages/batch.js"), "BatchPage");
const BenchmarkPage = lazy(() => import("./pages/benchmark.js"), "BenchmarkPage");
const BenchmarksPage = lazy(() => import("./pages/benchmarks.js"), "BenchmarksPage");
const CompareSetsPage = lazy(() => import("./pages/compare_sets.js"), "CompareSetsPage");
const ComparePage = lazy(() => import("./pages/compare.js"), "ComparePage");
const ExecutionPage = lazy(() => import("./pages/execution.js"), "ExecutionPage");
const ExecutionsPage = lazy(() => import("./pages/executions.js"), "ExecutionsPage");
const GridPage = lazy(() => import("./pages/grid.js"), "GridPage");
const LeaderboardPage = lazy(() => import("./pages/leaderboard.js"), "LeaderboardPage");
const NotFoundPage = lazy(() => import("./pages/not_found.js"), "NotFoundPage");
const SignInPage = lazy(() => import("./parts/sign_in.js"), "SignInPage");

// pages.py serves this page for the same addresses.
const ROUTES = [
  ["/", GridPage],
  ["/leaderboard", LeaderboardPage],
  ["/batches", BatchesPage],
  ["/batches/:id", BatchPage],
  ["/compare", CompareSetsPage],
  ["/executions", ExecutionsPage],
  ["/executions/:id", ExecutionPage],
  ["/compare/:left/:right", ComparePage],
  ["/agents", AgentsPage],
  ["/agents/:name", AgentPage],
  ["/benchmarks", BenchmarksPage],
  ["/benchmarks/:id", BenchmarkPage],
  ["/sign-in", SignInPage],
];

const pageOf = (path) => match(ROUTES, path) ?? [NotFoundPage, { path }];

function App() {
  const { path } = useStore(place);
  const [Page, parameters] = pageOf(path);
  // Another address of the same page is another page: nothing of the former one stays.
  return html`<${Layout}><${Page} key=${path} ...${parameters} /></${Layout}>`;
}

const [First] = pageOf(place.value.path);
First.bring()
  // What is wrong the page says when it is drawn.
  .catch(() => {})
  .then(() => {
    render(html`<${App} />`, document.getElementById("app"));
    bringAll();
  });
