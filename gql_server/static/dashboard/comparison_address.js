// The address of a comparison of two sets of attempts. A set is an AttemptSetInput, so the address names it whole.

export const comparisonOf = (baseline, candidate) =>
  `/compare?${new URLSearchParams({ baseline: JSON.stringify(baseline), candidate: JSON.stringify(candidate) })}`;

// The set that a part of the address names; null where it names none.
export function setOf(text) {
  try {
    const set = JSON.parse(text);
    return typeof set === "object" ? set : null;
  } catch {
    return null;
  }
}

const short = (ids) => ids.map((id) => id.slice(-8)).join(", ");

// The set in a few words.
export function setWords({ name, agents, settingsHashes, batchIds, benchmarkIds, tags, since, until }) {
  const parts = [
    name ?? agents?.join(", "),
    !name && settingsHashes && `settings ${short(settingsHashes)}`,
    batchIds && `batch ${short(batchIds)}`,
    benchmarkIds && `${benchmarkIds.length} benchmarks`,
    tags && `benchmarks tagged ${tags.join(", ")}`,
    since && `since ${since.slice(0, 10)}`,
    until && `until ${until.slice(0, 10)}`,
  ];
  return parts.filter(Boolean).join(", ");
}
