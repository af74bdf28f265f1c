// Axes of charts as data: from where to where they go, which marks they have, and where a value stands. Pure functions.
// An axis is {place, marks}: `place(value)` is 0 at its beginning and 1 at its end, `marks` are [value, words].

const DAY_MS = 86_400_000;
const STEPS = [1, 2, 5, 10];
const DAY_STEPS = [1, 2, 7, 14, 28];
const MONTH_STEPS = [1, 2, 3, 6];
const UNITS_MS = [3_600_000, 60_000, 1];

const between = (low, high) => (value) => (value - low) / (high - low);

// The smallest step of 1, 2 or 5 times a power of ten with which `span` has at most `most` of them.
function stepOf(span, most) {
  const rough = span / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * STEPS.find((step) => step * power >= rough * (1 - 1e-9));
}

// From 0 to a round number not below `high`; `unit` is what steps are round in, as a minute in milliseconds.
export function fromZero(high, format, most = 5, unit = 1) {
  const step = stepOf((high > 0 ? high : unit) / unit, most) * unit;
  const count = Math.max(1, Math.ceil(high / step - 1e-9));
  const marks = Array.from({ length: count + 1 }, (_, index) => [index * step, format(index * step)]);
  return { place: between(0, count * step), marks };
}

// The unit in which durations up to `highMs` are round.
export const unitOf = (highMs) => UNITS_MS.find((unit) => highMs >= 2 * unit) ?? 1;

// Amounts of many sizes: each power of ten is equally long. What is 0 stands before them, where a mark says so.
export function byPowers(values, format, most = 6) {
  const known = values.filter((value) => value > 0);
  const has0 = known.length < values.length;
  const [low, high] = [Math.log10(Math.min(...known)), Math.log10(Math.max(...known))];
  const pad = Math.max(0.1, (high - low) * 0.06);
  const [first, last] = [low - pad, high + pad];
  const start = has0 ? 0.1 : 0;
  const place = (value) =>
    value > 0 ? start + (1 - start) * between(first, last)(Math.log10(value)) : start / 2;
  const perPower = last - first > most ? [1] : last - first > 1.5 ? [1, 3] : [1, 2, 3, 5, 7];
  const marks = has0 ? [[0, format(0)]] : [];
  for (let power = Math.floor(first); power <= Math.ceil(last); power += 1) {
    for (const digit of perPower) {
      const value = digit * 10 ** power;
      if (place(value) >= start && place(value) <= 1) marks.push([value, format(value)]);
    }
  }
  return { place, marks };
}

// Whether amounts are so different that only powers of ten show all of them.
export function needsPowers(values) {
  const known = values.filter((value) => value > 0);
  return known.length > 1 && Math.max(...known) / Math.min(...known) >= 30;
}

const dayWords = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", timeZone: "UTC" });
const monthWords = new Intl.DateTimeFormat("en", { month: "short", year: "numeric", timeZone: "UTC" });

// UTC days from the first to the last of `times` in milliseconds, with half a period of room at both ends. A lone one
// stands in the middle of a week or of its period.
export function overDays(times, periodDays, most = 6) {
  const room = ((times.length > 1 ? periodDays : Math.max(7, periodDays)) * DAY_MS) / 2;
  const [from, to] = [times[0] - room, times.at(-1) + room];
  const days = (to - from) / DAY_MS;
  const step = DAY_STEPS.find((step) => days / step <= most);
  const marks = step ? everyDays(times[0], from, to, step) : everyMonths(from, to, days / 30.4 / most);
  return { place: between(from, to), marks };
}

function everyDays(anchor, from, to, step) {
  const marks = [];
  const first = anchor - Math.floor((anchor - from) / (step * DAY_MS)) * step * DAY_MS;
  let year = null;
  for (let at = first; at <= to; at += step * DAY_MS) {
    const [words, of] = [dayWords.format(at), new Date(at).getUTCFullYear()];
    marks.push([at, of === year ? words : `${words}\n${of}`]);
    year = of;
  }
  return marks;
}

function everyMonths(from, to, wanted) {
  const step = MONTH_STEPS.find((step) => step >= wanted) ?? 12 * Math.ceil(wanted / 12);
  const marks = [];
  const start = new Date(from);
  for (let month = Math.ceil(start.getUTCMonth() / step) * step; ; month += step) {
    const at = Date.UTC(start.getUTCFullYear(), month, 1);
    if (at > to) return marks;
    if (at >= from) marks.push([at, monthWords.format(at).replace(" ", "\n")]);
  }
}
