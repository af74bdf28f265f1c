// What the address says of a list that is read page by page: which page, and of benchmarks which ones. Pure functions.

const PAGE = 50;
// Each row of the grid has a cell for each agent: fewer of them are more than a screen.
export const GRID_PAGE = 25;

// What takes a list back to its first page, as whatever changes what is in it has to.
export const FIRST_PAGE = { after: null, before: null, at: null };

// The page arguments of a connection: after or before a cursor, or the last page.
export function pageOf({ after, before, at }, size = PAGE) {
  if (at === "end") return { last: size };
  return before ? { last: size, before } : { first: size, after: after || null };
}

// A BenchmarkFilter.
export function benchmarkFilter({ text, tag, state, solved, archived }) {
  return {
    ...(text && { text }),
    ...(tag && { tags: [tag] }),
    ...(state && (state === "UNTESTED" ? { untested: true } : { newestStatuses: [state] })),
    ...(solved && { everyAttemptSolved: solved === "yes" }),
    ...(archived === "1" && { includeArchived: true }),
  };
}

// What the grid and the list of benchmarks ask with, before or after their modules are there.
export const benchmarksOf = (search, size = PAGE) => ({
  filter: benchmarkFilter(search),
  ...pageOf(search, size),
});
