// The conditions of a list of executions as they stand in its address, and the ExecutionFilter that they mean.

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

// Conditions that other pages set.
export const GIVEN = {
  benchmark: (id) => `Benchmark ${id}`,
  settings: (hash) => `Settings ${hash.slice(0, 8)}`,
  batch: (id) => `Batch ${id.slice(0, 8)}`,
};

const NUMBERS = ["scoreFrom", "scoreTo", "costFrom", "costTo", "tokensFrom", "tokensTo"];
const DAYS = ["from", "to"];
const CHOICES = ["text", "said", "state", "failure", "solved", "agent", "days", "label", "tag", "origin"];

// All names of conditions in an address.
export const FIELDS = [...CHOICES, ...NUMBERS, ...DAYS, ...Object.keys(GIVEN)];

const one = (value) => (value ? [value] : null);

const isNumber = (text) => text.trim() !== "" && Number.isFinite(Number(text));
const number = (text) => (text && isNumber(text) ? Number(text) : null);
const whole = (value, round) => (value == null ? null : round(value));
// To the digits that a viewer may have typed: 55 / 100 is 0.55.
const share = (percent) => (percent == null ? null : Number((percent / 100).toFixed(12)));

// The beginning of a day of the viewer, `after` days later; null for what is none.
function day(text, after = 0) {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text ?? "") ?? [];
  const isThere = new Date(Number(year), Number(month) - 1, Number(date)).getDate() === Number(date);
  return isThere ? new Date(Number(year), Number(month) - 1, Number(date) + after) : null;
}

const SPAN = /^(\d{1,4})(h?)$/;

function ago(text) {
  const [, count, isHours] = SPAN.exec(text ?? "") ?? [];
  return count ? new Date(Date.now() - Number(count) * (isHours ? HOUR_MS : DAY_MS)) : null;
}

const latest = (...times) => times.filter(Boolean).sort((one, other) => other - one)[0] ?? null;

// The ExecutionFilter that an address means.
export const conditions = (search) =>
  given({
    text: search.text || null,
    search: search.said || null,
    agents: one(search.agent),
    benchmarkIds: one(search.benchmark),
    statuses: one(search.state),
    failureKinds: one(search.failure),
    solved: { yes: true, no: false }[search.solved] ?? null,
    origins: one(search.origin),
    tags: one(search.tag),
    executionTags: one(search.label),
    settingsHashes: one(search.settings),
    batchId: search.batch || null,
    since: latest(day(search.from), ago(search.days))?.toISOString() ?? null,
    until: day(search.to, 1)?.toISOString() ?? null,
    computedScoreAtLeast: share(number(search.scoreFrom)),
    computedScoreAtMost: share(number(search.scoreTo)),
    costAtLeast: number(search.costFrom),
    costAtMost: number(search.costTo),
    tokensAtLeast: whole(number(search.tokensFrom), Math.ceil),
    tokensAtMost: whole(number(search.tokensTo), Math.floor),
  });

const given = (filter) => Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== null));

// What stands in the address and means nothing: a list that leaves it out says so.
export function problems(search) {
  const bad = (name, isGood, words) =>
    search[name] && !isGood ? [`“${search[name].slice(0, 40)}” is ${words}, so it filters nothing.`] : [];
  return [
    ...NUMBERS.flatMap((name) => bad(name, isNumber(search[name] ?? ""), "no number")),
    ...DAYS.flatMap((name) => bad(name, day(search[name]), "no day such as 2026-01-31")),
    ...bad("days", ago(search.days), "no number of days"),
    ...bad("solved", ["yes", "no"].includes(search.solved), "neither yes nor no"),
  ];
}
