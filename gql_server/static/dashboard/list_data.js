// The live list of executions as data: pages read so far in the list's order, kept true by updates. Pure functions.
// `last` is the execution with which the pages ended as they were read; what comes after it, later pages bring.

// Times are compared as texts: all are of UTC, and a Date has no microseconds, of which the server's order takes notice.
const VALUES = {
  QUEUED_AT: ({ queuedAt }) => queuedAt,
  SCORE: ({ score }) => score,
  COMPUTED_SCORE: ({ computedScore }) => computedScore,
  EXECUTION_TIME: ({ executionTimeMs }) => executionTimeMs,
};

// The server's order: unknown values last in both directions, among equal ones the newest first in DESC.
export function comparator({ field, direction }) {
  const value = VALUES[field];
  const sign = direction === "ASC" ? 1 : -1;
  const places = (a, b) => (a < b ? -sign : a > b ? sign : 0);
  return (a, b) => {
    const [left, right] = [value(a), value(b)];
    if (left == null || right == null) {
      if ((left == null) !== (right == null)) return left == null ? 1 : -1;
    } else if (left !== right) return places(left, right);
    return places(a.queuedAt, b.queuedAt) || places(a.id, b.id);
  };
}

// What only the server can tell of an execution.
const ASKED = ["search", "costAtLeast", "costAtMost", "tokensAtLeast", "tokensAtMost"];
// What changes while an execution lives, so that a stream cannot filter by it: the page must see it leave.
const CHANGING = new Set([
  ...["statuses", "failureKinds", "solved", "executionTags", "settingsHashes"],
  ...["computedScoreAtLeast", "computedScoreAtMost"],
  ...ASKED,
]);

export const onlyServerKnows = (filter) => ASKED.some((name) => filter[name] != null);

export const lasting = (filter) =>
  Object.fromEntries(Object.entries(filter).filter(([name]) => !CHANGING.has(name)));

const within = (value, least, most) =>
  (least == null && most == null) || (value != null && value >= (least ?? 0) && value <= (most ?? Infinity));

export function lets(filter, execution) {
  const { statuses, failureKinds, solved, executionTags, settingsHashes } = filter;
  if (!within(execution.computedScore, filter.computedScoreAtLeast, filter.computedScoreAtMost)) return false;
  if (statuses && !statuses.includes(execution.status)) return false;
  if (failureKinds && !failureKinds.includes(execution.failure?.kind)) return false;
  if (executionTags && !executionTags.every((tag) => execution.tags.includes(tag))) return false;
  if (settingsHashes && !settingsHashes.includes(execution.settingsHash)) return false;
  return solved == null || execution.solved === solved;
}

export const listOf = ({ executions: { nodes, pageInfo, totalCount } }) => ({
  items: nodes,
  end: pageInfo.endCursor,
  last: nodes.at(-1),
  hasMore: pageInfo.hasNextPage,
  total: totalCount,
});

export function withPage(list, answer) {
  const next = listOf(answer);
  const known = new Set(list.items.map(({ id }) => id));
  return { ...next, items: [...list.items, ...next.items.filter(({ id }) => !known.has(id))] };
}

// `event` is what happened to the execution: its first one makes it new to the list.
export function withUpdate(list, { event, execution }, filter, order) {
  const index = list.items.findIndex(({ id }) => id === execution.id);
  if (index >= 0 && list.items[index].revision >= execution.revision) return list;
  const others = index < 0 ? list.items : list.items.toSpliced(index, 1);
  if (index < 0 && onlyServerKnows(filter)) return list;
  if (!lets(filter, execution)) return index < 0 ? list : { ...list, items: others, total: list.total - 1 };
  const total = list.total + (index < 0 && enters(event, filter) ? 1 : 0);
  const compare = comparator(order);
  if (list.hasMore && compare(execution, list.last) > 0) return { ...list, items: others, total };
  const place = lowerBound(others, (other) => compare(other, execution) > 0);
  return { ...list, items: others.toSpliced(place, 0, execution), total };
}

function enters({ kind, seq }, filter) {
  const mayEnterLater = [...CHANGING].some((name) => filter[name] != null);
  return kind === "STATUS_CHANGED" && (seq === 1 || mayEnterLater);
}

function lowerBound(items, isAfter) {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isAfter(items[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}
