// The grid as data: per benchmark and agent the newest execution and the ones before it, kept true by updates.
// Pure functions, so that order and repetition of updates can be reasoned about: an execution is replaced only by a
// higher revision of itself, a cell only by a younger execution.
import { isLive } from "./format.js";

// How many former executions of a cell the spark line shows.
const HISTORY = 12;

export function gridOf(answer) {
  const agents = answer.agents.map(({ name }) => name);
  const grid = {
    runnable: new Map(answer.agents.map((agent) => [agent.name, agent])),
    agents: [...new Set([...agents, ...answer.agentPerformance.map(({ agent }) => agent)])],
    cards: answer.agentPerformance,
    rows: new Map(),
    ends: 0,
  };
  for (const { latestExecutions, executions, ...benchmark } of answer.benchmarks.nodes) {
    const cells = new Map();
    // The past is asked for in less detail: whatever else is told of one of them is newer.
    for (const execution of [...executions.nodes].reverse()) place(cells, { ...execution, revision: 0 });
    for (const execution of latestExecutions) place(cells, execution);
    grid.rows.set(benchmark.id, { benchmark, cells });
  }
  return grid;
}

function place(cells, execution) {
  const cell = cells.get(execution.agent) ?? [];
  const known = cell.findIndex(({ id }) => id === execution.id);
  if (known >= 0) {
    if (cell[known].revision >= execution.revision) return false;
    cells.set(execution.agent, cell.with(known, execution));
    return true;
  }
  const next = [...cell, execution].sort((a, b) =>
    a.queuedAt < b.queuedAt ? -1 : a.queuedAt > b.queuedAt ? 1 : 0,
  );
  cells.set(execution.agent, next.slice(-HISTORY));
  return true;
}

export function withExecution(grid, { executionUpdates: { execution } }) {
  const row = execution && grid.rows.get(execution.benchmarkId);
  if (!row) return grid;
  const cells = new Map(row.cells);
  if (!place(cells, execution)) return grid;
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

export const newest = (cell) => cell?.at(-1) ?? null;

// The state a filter calls by name: that of the newest execution, "untested" without one.
export const stateOf = (cell) => newest(cell)?.status ?? "UNTESTED";

const SOLVED = new Map([
  ["yes", true],
  ["no", false],
]);

export function visibleRows(grid, { text, tag, state, solved }) {
  const wanted = (text ?? "").toLowerCase();
  return [...grid.rows.values()].filter(({ benchmark, cells }) => {
    if (wanted && !`${benchmark.id} ${benchmark.description}`.toLowerCase().includes(wanted)) return false;
    if (tag && !benchmark.tags.includes(tag)) return false;
    if (!state && !SOLVED.has(solved)) return true;
    return grid.agents.some((agent) => {
      const cell = cells.get(agent);
      if (state && stateOf(cell) !== state) return false;
      return !SOLVED.has(solved) || newest(cell)?.solved === SOLVED.get(solved);
    });
  });
}

export const tagsOf = (grid) =>
  [...new Set([...grid.rows.values()].flatMap(({ benchmark }) => benchmark.tags))].sort();
