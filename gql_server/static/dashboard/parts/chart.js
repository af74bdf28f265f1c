// A chart over time: uPlot draws it, a table beside it says the same for those who cannot see it.
import uPlot from "../../vendor/uplot/uplot.js";
import { html, useEffect, useRef } from "../html.js";
import { useStore } from "../use_store.js";
import { theme } from "../theme.js";

const HEIGHT_PX = 180;
const MARGIN_PX = 84;
const WEEK_S = 7 * 86_400;

// `points` are [ISO date, value or null], oldest first; `format` shows a value; `max` fixes the top where there is one.
export function Chart({ title, points, format, max = null }) {
  const frame = useRef(null);
  const choice = useStore(theme);

  useEffect(() => {
    const box = frame.current;
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: color("--quiet"),
      grid: { stroke: color("--line"), width: 1 },
      ticks: { stroke: color("--line") },
    };
    const chart = new uPlot(
      {
        width: box.clientWidth,
        height: HEIGHT_PX,
        scales: {
          // A lone day stands in the middle of a week; uPlot's own range for it ends years later.
          x: {
            range: (_, low, high) => (points.length > 1 ? [low, high] : [low - WEEK_S / 2, low + WEEK_S / 2]),
          },
          y: { range: (_, _low, high) => [0, max ?? Math.max(high ?? 1, 1) * 1.1] },
        },
        axes: [axis, { ...axis, size: MARGIN_PX, values: (_, values) => values.map(format) }],
        series: [
          {
            label: "Day",
            value: (_, seconds) =>
              seconds == null ? "" : new Date(seconds * 1000).toISOString().slice(0, 10),
          },
          {
            label: title,
            stroke: color("--accent"),
            width: 2,
            points: { show: true, size: 6 },
            spanGaps: true,
            value: (_, value) => (value == null ? "–" : format(value)),
          },
        ],
      },
      [points.map(([start]) => Date.parse(start) / 1000), points.map(([, value]) => value)],
      box,
    );
    const observer = new ResizeObserver(() => chart.setSize({ width: box.clientWidth, height: HEIGHT_PX }));
    observer.observe(box);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [points, choice]);

  return html`
    <figure class="surface chart">
      <figcaption><h2>${title}</h2></figcaption>
      <div ref=${frame} aria-hidden="true"></div>
      <div class="hidden"><table>
        <caption>${title}</caption>
        <tbody>${points.map(([start, value]) => html`<tr key=${start}><th scope="row">${start}</th><td>${value == null ? "unknown" : format(value)}</td></tr>`)}</tbody>
      </table></div>
    </figure>
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
  return html`
    <figure class="surface chart">
      <figcaption><h2>${title}</h2></figcaption>
      <ol class="bars" aria-label=${title}>
        ${bins.map(
          (number, index) => html`
            <li key=${index}>
              <span class="bar-column" style=${{ height: `${(number / most) * 120}px` }}></span>
              <span aria-hidden="true">${index * 10}</span>
              <span class="hidden">${index * 10} to ${(index + 1) * 10} %: ${number} ${what}</span>
            </li>
          `,
        )}
      </ol>
    </figure>
  `;
}
