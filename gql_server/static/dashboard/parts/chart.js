// Charts of one value over time, and of how values are spread.
import { fromZero, overDays, unitOf } from "../axes.js";
import * as words from "../format.js";
import { html } from "../html.js";
import { Figure, Plot } from "./plot.js";

const DAYS = { DAY: 1, WEEK: 7, MONTH: 30 };
const MARK_PX = 84;

// `points` are [ISO date, value or null, attempts], oldest first; `format` shows a value; `max` fixes the top where there
// is one, and without it values are milliseconds. `period` is the length of each, as the API names it.
export function Chart({ title, points, format, max = null, period = "DAY" }) {
  const known = points.filter(([, value]) => value != null);
  const rows = points.map(([start, value, attempts]) => [start, format(value), words.count(attempts)]);
  return html`
    <${Figure} title=${title} columns=${[period === "DAY" ? "Day" : "From", title, "Attempts"]} rows=${rows}>
      ${known.length === 0 ? html`<p class="quiet">Not known of any attempt.</p>` : html`<${Line} title=${title} points=${known} format=${format} max=${max} period=${period} />`}
    </${Figure}>
  `;
}

function Line({ title, points, format, max, period }) {
  const times = points.map(([start]) => Date.parse(start));
  const values = points.map(([, value]) => value);
  const high = max ?? Math.max(...values);
  const axes = (width) => ({
    x: overDays(times, DAYS[period], Math.max(2, Math.floor(width / MARK_PX))),
    y: fromZero(high, format, 4, max == null ? unitOf(high) : 1),
  });
  const [first, last] = [points[0], points.at(-1)];
  const label =
    points.length === 1
      ? `${title}: ${format(first[1])} on ${first[0]}`
      : `${title} from ${first[0]} to ${last[0]}: at first ${format(first[1])}, at last ${format(last[1])}, between ${format(Math.min(...values))} and ${format(Math.max(...values))}`;
  return html`
    <${Plot} label=${label} axes=${axes}>
      ${({ x, y }) => html`
        <polyline class="line" points=${points.map((_, index) => `${x(times[index])},${y(values[index])}`).join(" ")} />
        ${points.map(
          ([start, value, attempts], index) => html`
            <circle key=${start} class="dot" cx=${x(times[index])} cy=${y(value)} r="3.5">
              <title>${start}: ${format(value)} (${words.many(attempts, "attempt")})</title>
            </circle>
          `,
        )}
      `}
    </${Plot}>
  `;
}

// How many of the values lie in each tenth, the last one with its upper end.
export function tenths(values) {
  const bins = Array.from({ length: 10 }, () => 0);
  for (const value of values) bins[Math.min(9, Math.floor(value * 10))] += 1;
  return bins;
}

// Ten bins as bars; `what` is counted in them.
export function Distribution({ title, bins, what }) {
  const most = Math.max(1, ...bins);
  const rows = bins.map((number, index) => [`${index * 10} to ${(index + 1) * 10} %`, words.count(number)]);
  const label = `${title}: ${rows
    .filter((_, index) => bins[index] > 0)
    .map(([range, number]) => `${number} ${what} at ${range}`)
    .join(", ")}`;
  return html`
    <${Figure} title=${title} columns=${["Percent", what[0].toUpperCase() + what.slice(1)]} rows=${rows}>
      <div class="bars" role="img" aria-label=${label}>
        ${bins.map(
          (number, index) => html`
            <div key=${index} aria-hidden="true">
              ${number > 0 && html`<span>${words.count(number)}</span>`}
              <span class="bar-column" style=${{ height: `${(number / most) * 110}px` }}></span>
              <span class="edge">${index * 10}</span>
            </div>
          `,
        )}
      </div>
    </${Figure}>
  `;
}
