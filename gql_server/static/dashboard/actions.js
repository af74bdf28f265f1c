// What a viewer can start and stop. Nothing is shown as done before the server says so: the change itself arrives
// over the page's streams.
import { act } from "./api.js";
import { attempt, notify } from "./parts/notices.js";
import { go } from "./router.js";
import { Store } from "./store.js";

export const PRIORITIES = [
  [10, "high"],
  [0, "normal"],
  [-10, "low"],
];

// Chosen on the grid, for what is run there.
export const priority = new Store(0);

export const runOne = (benchmarkId, agent, priority = 0) =>
  attempt(() => act("run_benchmark", { benchmarkId, agent, priority }));

export async function runMany(benchmarkIds, agents, priority, repeats) {
  const done = await attempt(() => act("run_benchmarks", { benchmarkIds, agents, priority, repeats }));
  if (done) notify(`${done.batch.size} executions are queued`);
}

export const stop = (executionId) => attempt(() => act("stop_execution", { executionId }));

export async function rerun(executionId) {
  const done = await attempt(() => act("rerun_execution", { executionId }));
  if (done) go(`/executions/${done.execution.id}`);
}
