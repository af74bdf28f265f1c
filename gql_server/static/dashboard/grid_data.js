// The grid as data: per benchmark and agent the figures of its attempts and the newest execution, kept true by updates.
// Pure functions, so that order and repetition of updates can be reasoned about: an execution is replaced only by a
// higher revision of itself, a cell only by a younger execution.
import { isLive } from "./format.js";

// What the server calls the agent of an execution whose file names none: neither a column nor a line of any board.
export const UNKNOWN_AGENT = "unknown";

export function gridOf(answer) {
  const agents = answer.agents.map(({ name }) => name);
  const grid = {
    ...figuresIn(answer),
    runnable: new Map(answer.agents.map((agent) => [agent.name, agent])),
    agents: [
      ...new Set([
        ...agents,
        ...[...answer.leaderboard.entries, ...answer.benchmarks.figures].map(({ agent }) => agent),
      ]),
    ],
    tags: answer.benchmarkTags,
    page: answer.benchmarks,
    rows: new Map(),
    ends: 0,
    moves: 0,
    changes: 0,
  };
  for (const { latestExecutions, ...benchmark } of answer.benchmarks.nodes) {
    const cells = new Map(latestExecutions.map((execution) => [execution.agent, execution]));
    grid.rows.set(benchmark.id, { benchmark, cells });
  }
  return grid;
}

// What only the server can compute: each agent's entries, and the figures of each benchmark by each agent and settings.
const figuresIn = ({ leaderboard, benchmarks: { totalCount, figures } }) => ({
  total: totalCount,
  figures: Map.groupBy(figures, ({ benchmarkId, agent }) => cellKey(benchmarkId, agent)),
  entries: Map.groupBy(leaderboard.entries, ({ agent }) => agent),
  leaderboard,
});

const cellKey = (benchmarkId, agent) => `${agent} ${benchmarkId}`;

export const withFigures = (grid, answer) => ({ ...grid, ...figuresIn(answer) });

// The page as the server has it now. What the streams have told of it meanwhile stays where it says more.
export function withPage(grid, answer) {
  const fresh = gridOf(answer);
  for (const [id, row] of fresh.rows) {
    for (const execution of grid.rows.get(id)?.cells.values() ?? [])
      if (isNewer(execution, row.cells.get(execution.agent))) row.cells.set(execution.agent, execution);
  }
  const agents = [...new Set([...fresh.agents, ...grid.agents])];
  return { ...fresh, agents, ends: grid.ends, moves: grid.moves, changes: grid.changes };
}

// Whether `execution` says more than what its cell shows.
const isNewer = (execution, shown) =>
  !shown ||
  (execution.id === shown.id ? execution.revision > shown.revision : execution.queuedAt >= shown.queuedAt);

// `ends` counts executions that have ended, at benchmarks of other pages too: they move the agents' figures. `moves`
// counts all changes of state.
export function withExecution(grid, { executionUpdates: { event, execution } }) {
  if (!execution || execution.agent === UNKNOWN_AGENT) return grid;
  const ends = grid.ends + (isLive(execution.status) ? 0 : 1);
  const moves = grid.moves + (event?.kind === "STATUS_CHANGED" ? 1 : 0);
  const row = grid.rows.get(execution.benchmarkId);
  if (!row || !isNewer(execution, row.cells.get(execution.agent))) return { ...grid, ends, moves };
  const cells = new Map(row.cells).set(execution.agent, execution);
  const rows = new Map(grid.rows).set(execution.benchmarkId, { ...row, cells });
  const agents = grid.agents.includes(execution.agent) ? grid.agents : [...grid.agents, execution.agent];
  return { ...grid, rows, agents, ends, moves };
}

// A benchmark of this page is drawn anew. Which others belong to the page the server knows: `changes` counts reasons to
// ask it.
export function withBenchmark(grid, { benchmarkUpdates: { benchmark, benchmarkId } }) {
  if (!benchmarkId) return grid;
  const changes = grid.changes + 1;
  const row = grid.rows.get(benchmarkId);
  if (!row || !benchmark || row.benchmark.revision > benchmark.revision) return { ...grid, changes };
  return { ...grid, changes, rows: new Map(grid.rows).set(benchmarkId, { ...row, benchmark }) };
}

// The figures of a cell: those with the agent's current settings at the newest revision that was attempted with them,
// and how many others there are. `isCurrent` is false where only others were attempted. Null where none was.
export function cellFigures(grid, benchmarkId, agent) {
  const all = grid.figures.get(cellKey(benchmarkId, agent)) ?? [];
  const latest = grid.rows.get(benchmarkId)?.cells.get(agent);
  // Undefined where nobody knows: then any are as good.
  const hash = grid.runnable.get(agent)?.config?.settingsHash ?? latest?.settingsHash;
  const current = all.filter(({ settingsHash }) => hash === undefined || settingsHash === hash);
  const candidates = current.length > 0 ? current : all;
  const chosen = candidates.toSorted(
    (a, b) => (b.revision ?? 0) - (a.revision ?? 0) || b.figures.attempts - a.figures.attempts,
  )[0];
  return chosen ? { ...chosen, isCurrent: current.length > 0, others: all.length - 1 } : null;
}
