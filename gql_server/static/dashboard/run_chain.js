// Runs any number of benchmarks with agents: batches of at most as many executions as one may have, one after another.
import { act, ask } from "./api.js";

export const LARGEST_BATCH = 1000;

const pieces = (items, size) =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size));

// What each batch is of. A pure function; every benchmark is in a batch with every agent, once.
export function batchesOf({ ids, agents, repeats }) {
  if (ids.length === 0 || agents.length === 0) return [];
  const together = Math.min(agents.length, Math.floor(LARGEST_BATCH / repeats));
  const each = Math.floor(LARGEST_BATCH / (together * repeats));
  return pieces(ids, each).flatMap((benchmarkIds) =>
    pieces(agents, together).map((agents) => ({ benchmarkIds, agents, repeats })),
  );
}

// How many batches `number` benchmarks make, without their ids.
export const numberOfBatches = (number, agents, repeats) =>
  batchesOf({ ids: Array(number).fill(""), agents, repeats }).length;

// The ids of all benchmarks that fit, whatever the page shows of them. `told(number, total)` hears of each page.
export async function idsOf(filter, told) {
  const ids = [];
  for (let after = null, more = true; more; ) {
    const { nodes, totalCount, pageInfo } = (await ask("benchmark_ids", { filter, after })).benchmarks;
    ids.push(...nodes.map(({ id }) => id));
    told(ids.length, totalCount);
    after = pageInfo.endCursor;
    more = pageInfo.hasNextPage;
  }
  return ids;
}

const inHex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// `request` is a RunBenchmarksInput without benchmarks. Several batches get a tag in common, by which they are found
// together, and a number behind their name.
export function chainOf(ids, { agents, repeats, name, tags, ...request }) {
  const key = inHex(crypto.getRandomValues(new Uint8Array(16)));
  const parts = batchesOf({ ids, agents, repeats });
  const tag = parts.length > 1 ? `chain=${key.slice(0, 8)}` : null;
  const batches = parts.map((part, at) => ({
    ...request,
    ...part,
    name: name && tag ? `${name} (${at + 1} of ${parts.length})` : name,
    tags: tag ? [...tags, tag] : tags,
    // Asked again after a failure, a batch that was stored all the same is not stored twice.
    idempotencyKey: `${key}-${at}`,
  }));
  return { batches, tag, done: 0, queued: 0 };
}

// Requests the batches of a chain that are not done yet, and tells `told(chain)` after each. Stops where
// `isStopped()`. A batch that is refused is thrown; the chain goes on from there when it is followed again.
export async function follow(chain, told, isStopped) {
  let now = chain;
  while (now.done < now.batches.length && !isStopped()) {
    const { batch } = await act("run_benchmarks", now.batches[now.done]);
    now = { ...now, done: now.done + 1, queued: now.queued + batch.size, last: batch };
    told(now);
  }
  return now;
}
