// The lines of a leaderboard as points: what an attempt takes against how often it solves. Pure functions.
import * as format from "./format.js";

// What the points are spread over: name of the field, title, how a value is shown, and what is less.
export const MEASURES = [
  ["costPerAttempt", "Cost per attempt (USD)", format.cost],
  ["costPerSolved", "Cost per solved (USD)", format.cost],
  ["meanTimeMs", "Mean time", format.duration],
];

const hasRate = ({ figures }) => figures.solveRate != null;

// The measures that are known of any entry.
export const measuresOf = (entries) =>
  MEASURES.filter(([field]) => entries.some((entry) => hasRate(entry) && entry.figures[field] != null));

// An agent's name, with its model or its settings where it is there more than once.
function nameIn(entries, { agent, model, settingsHash }) {
  const same = entries.filter((entry) => entry.agent === agent);
  if (same.length === 1) return agent;
  const models = new Set(same.map((entry) => entry.model));
  const which = models.size === same.length && model ? model : settingsHash?.slice(0, 8);
  return `${agent} · ${which ?? "no model"}`;
}

// One point per entry whose value is known, from left to right.
export function pointsOf(entries, [field, , show]) {
  return entries
    .filter((entry) => hasRate(entry) && entry.figures[field] != null)
    .map((entry) => {
      const { figures } = entry;
      const name = nameIn(entries, entry);
      return {
        entry,
        name,
        value: figures[field],
        rate: figures.solveRate,
        ends: figures.solveRateInterval,
        shown: show(figures[field]),
        isPartial: entry.isPartial,
      };
    })
    .sort((a, b) => a.value - b.value || b.rate - a.rate);
}

// Those of which no other solves as much for less: from left to right each is higher than all before it.
export function bestOf(points) {
  let highest = Number.NEGATIVE_INFINITY;
  return points.filter(({ rate }) => {
    if (rate <= highest) return false;
    highest = rate;
    return true;
  });
}
