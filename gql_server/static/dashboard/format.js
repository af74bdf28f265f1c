// Numbers, times and scores as people read them. Unknown is null and shown as a dash, never as a zero.

export const UNKNOWN = "–";

// What the server calls the benchmark of an observed execution before its session file tells.
export const UNKNOWN_BENCHMARK = "(unknown)";

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const absolute = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });
const counts = new Intl.NumberFormat("en");

const UNITS = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

// How long ago, in the viewer's words: "3 min. ago".
export function age(iso, nowMs) {
  if (iso == null) return UNKNOWN;
  const seconds = (nowMs - Date.parse(iso)) / 1000;
  for (const [unit, size] of UNITS) {
    if (seconds >= size) return relative.format(-Math.floor(seconds / size), unit);
  }
  return seconds < 5 ? "just now" : `${Math.floor(seconds)} sec. ago`;
}

// The moment in the viewer's zone.
export const moment = (iso) => (iso == null ? UNKNOWN : absolute.format(new Date(iso)));

export function duration(ms) {
  if (ms == null) return UNKNOWN;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const seconds = Math.floor(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  const rest = String(seconds % 60).padStart(2, "0");
  return hours > 0 ? `${hours} h ${String(minutes).padStart(2, "0")} min` : `${minutes} min ${rest} s`;
}

// One that goes on, in whole seconds.
export const counting = (ms) => (ms < 60_000 ? `${Math.floor(ms / 1000)} s` : duration(ms));

const BYTES = new Intl.NumberFormat("en", {
  notation: "compact",
  style: "unit",
  unit: "byte",
  unitDisplay: "narrow",
});
export const bytes = (number) => (number == null ? UNKNOWN : BYTES.format(number));

const amounts = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
// In the currency of whoever set the prices.
export const cost = (number) => (number == null ? UNKNOWN : amounts.format(number));

export const count = (number) => (number == null ? UNKNOWN : counts.format(number));

// A score from 0 to 1 as a percentage; those of dynamic benchmarks go to 100 already.
export function score(value) {
  if (value == null) return UNKNOWN;
  return percent(value > 1 ? value : value * 100);
}

export const share = (value) => (value == null ? UNKNOWN : percent(value * 100));

// What is not quite all is never shown as "100 %", and what is not quite nothing never as "0 %". Sums of fractions are
// exact to some 1e-12.
function percent(value) {
  const [nothing, all] = [1e-9, 100 - 1e-9];
  if (value > nothing && value < 0.05) return "< 0.1 %";
  if (value >= 99.95 && value < all) return "> 99.9 %";
  return `${value.toFixed(1).replace(/\.0$/, "")} %`;
}

// Both ends of an interval, as `format` shows a value: "23 % to 88 %".
export const interval = (ends, format = share) =>
  ends ? `${format(ends.low)} to ${format(ends.high)}` : UNKNOWN;

// A name in at most `most` characters: its beginning, and its end, by which long names differ.
export function shortened(name, most = 28) {
  const characters = [...name];
  if (characters.length <= most) return name;
  const end = Math.floor(most / 3);
  return `${characters.slice(0, most - end - 1).join("")}…${characters.slice(-end).join("")}`;
}

// "1 execution", "1,234 executions"; `several` where the plural is not regular.
export const many = (number, one, several = `${one}s`) => `${count(number)} ${number === 1 ? one : several}`;

export const signed = (value, format) =>
  value == null ? UNKNOWN : `${value > 0 ? "+" : value < 0 ? "−" : "±"}${format(Math.abs(value))}`;

// The score that is shown where there is room for one: computed here, or else what the session file reports.
export const scoreOf = ({ computedScore, score }) => computedScore ?? score;

// The grade of a score or of a solve rate, which decides its colour.
export function grade(value) {
  if (value == null) return "unknown";
  const whole = value > 1 ? value / 100 : value;
  if (whole >= 1) return "perfect";
  return whole >= 0.25 ? "partial" : "poor";
}

const LIVE = new Set(["QUEUED", "RUNNING", "STOPPING"]);
export const isLive = (status) => LIVE.has(status);

export const FAILURE_WORDS = {
  BENCHMARK: "not passed by the runner",
  AGENT: "the agent failed",
  TIMEOUT: "out of time",
  ENDPOINT: "the model's endpoint failed",
  NOT_RUNNABLE: "not runnable here",
  LAUNCH: "runner not started",
  RUNNER_EXIT: "runner ended with an error",
  RESULT_MISSING: "no session file",
  RESULT_UNREADABLE: "session file damaged",
  RESULT_MISMATCH: "session file of another",
  LOST: "lost",
};

export const STATUS_WORDS = {
  QUEUED: "Queued",
  RUNNING: "Running",
  STOPPING: "Stopping",
  SUCCEEDED: "Succeeded",
  FAILED: "Failed",
  TIMED_OUT: "Timed out",
  STOPPED: "Stopped",
  LOST: "Lost",
};
