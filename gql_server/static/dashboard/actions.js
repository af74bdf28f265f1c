// What a viewer can start and stop. Nothing is shown as done before the server says so: the change itself arrives
// over the page's streams.
import { act } from "./api.js";
import { many } from "./format.js";
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

// `request` is a RunBenchmarksInput that one batch can hold. Goes to the page of the batch that it makes.
export async function runMany(request) {
  const done = await attempt(() => act("run_benchmarks", request));
  if (done) goToBatch(done.batch);
}

// Says how many wait, and shows their batch.
export function goToBatch({ id, size }) {
  notify(`${many(size, "execution")} ${size === 1 ? "is" : "are"} queued`);
  go(`/batches/${id}`);
}

export async function stopBatch(batchId) {
  const done = await attempt(() => act("stop_batch", { batchId }));
  if (done) notify(`${many(done.stopped + done.stopping, "execution")} stopped`);
}

export async function rerunBatch(batchId, only) {
  const done = await attempt(() => act("rerun_batch", { batchId, only }));
  if (done) goToBatch(done.batch);
}

export const stop = (executionId) => attempt(() => act("stop_execution", { executionId }));

export async function rerun(executionId) {
  const done = await attempt(() => act("rerun_execution", { executionId }));
  if (done) go(`/executions/${done.execution.id}`);
}

// Both return whether it is stored.
export const tagBatch = (batchId, changes) => attempt(() => act("tag_batch", { batchId, ...changes }));

export const tagExecution = (executionId, { add, remove }) =>
  attempt(() => act("tag_executions", { executionIds: [executionId], add, remove }));
