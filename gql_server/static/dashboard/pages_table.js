// The pages that the navigation offers. `key` leads there after "g"; `deep` says that there are pages below, with an
// id in their address.
export const PAGES = [
  { href: "/", title: "Grid", words: "benchmarks × agents", key: "g", deep: false },
  {
    href: "/leaderboard",
    title: "Leaderboard",
    words: "agents and their settings, ranked",
    key: "l",
    deep: false,
  },
  { href: "/batches", title: "Batches", words: "what was requested together", key: "b", deep: true },
  { href: "/executions", title: "Executions", words: "all executions, live", key: "e", deep: true },
  { href: "/agents", title: "Agents", words: "figures and configurations", key: "a", deep: true },
  {
    href: "/benchmarks",
    title: "Benchmarks",
    words: "definitions, revisions, results",
    key: "m",
    deep: true,
  },
];
