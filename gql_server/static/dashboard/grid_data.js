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
    agents: [...new Set([...agents, ...answer.leaderboard.entries.map(({ agent }) => agent)])],
    rows: new Map(),
    ends: 0,
  };
  for (const { latestExecutions, ...benchmark } of answer.benchmarks.nodes) {
    const cells = new Map(latestExecutions.map((execution) => [execution.agent, execution]));
    grid.rows.set(benchmark.id, { benchmark, cells });
  }
  return grid;
}

// What only the server can compute: each agent's entries, and the figures of each benchmark by each agent and settings.
function figuresIn({ leaderboard }) {
  const figures = new Map();
  for (const { agent, settingsHash, byBenchmark } of leaderboard.entries) {
    for (const one of byBenchmark) {
      const key = cellKey(one.benchmarkId, agent);
      figures.set(key, [...(figures.get(key) ?? []), { ...one, settingsHash }]);
    }
  }
  return { figures, entries: Map.groupBy(leaderboard.entries, ({ agent }) => agent) };
}

const cellKey = (benchmarkId, agent) => `${agent} ${benchmarkId}`;

export const withFigures = (grid, answer) => ({ ...grid, ...figuresIn(answer) });

// Whether `execution` says more than what its cell shows.
const isNewer = (execution, shown) =>
  !shown ||
  (execution.id === shown.id ? execution.revision > shown.revision : execution.queuedAt >= shown.queuedAt);

export function withExecution(grid, { executionUpdates: { execution } }) {
  const row = execution && grid.rows.get(execution.benchmarkId);
  if (!row || execution.agent === UNKNOWN_AGENT) return grid;
  if (!isNewer(execution, row.cells.get(execution.agent))) return grid;
  const cells = new Map(row.cells).set(execution.agent, execution);
  const rows = new Map(grid.rows).set(execution.benchmarkId, { ...row, cells });
  const agents = grid.agents.includes(execution.agent) ? grid.agents : [...grid.agents, execution.agent];
  return { ...grid, rows, agents, ends: grid.ends + (isLive(execution.status) ? 0 : 1) };
}

export function withBenchmark(grid, { benchmarkUpdates: { benchmark, benchmarkId } }) {
  if (!benchmarkId) return grid;
  const rows = new Map(grid.rows);
  const former = rows.get(benchmarkId);
  if (former && benchmark && former.benchmark.revision > benchmark.revision) return grid;
  if (!benchmark || benchmark.archivedAt) rows.delete(benchmarkId);
  else rows.set(benchmarkId, { cells: new Map(), ...former, benchmark });
  return { ...grid, rows: new Map([...rows].sort(([a], [b]) => (a < b ? -1 : 1))) };
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

// The state a filter calls by name: that of the newest execution, "untested" without one.
export const stateOf = (execution) => execution?.status ?? "UNTESTED";

const SOLVED = {
  yes: ({ attempts, solved }) => attempts > 0 && solved === attempts,
  no: ({ attempts, solved }) => solved < attempts,
};

export function visibleRows(grid, { text, tag, state, solved }) {
  const wanted = (text ?? "").toLowerCase();
  return [...grid.rows.values()].filter(({ benchmark, cells }) => {
    if (wanted && !`${benchmark.id} ${benchmark.description}`.toLowerCase().includes(wanted)) return false;
    if (tag && !benchmark.tags.includes(tag)) return false;
    if (!state && !SOLVED[solved]) return true;
    return grid.agents.some((agent) => {
      if (state && stateOf(cells.get(agent)) !== state) return false;
      if (!SOLVED[solved]) return true;
      const one = cellFigures(grid, benchmark.id, agent);
      return one !== null && SOLVED[solved](one.figures);
    });
  });
}

export const tagsOf = (grid) =>
  [...new Set([...grid.rows.values()].flatMap(({ benchmark }) => benchmark.tags))].sort();
