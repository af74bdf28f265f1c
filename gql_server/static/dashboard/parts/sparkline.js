// The last values of a cell or an agent, oldest first, as a line; a lone one is a dot. Nulls are left out.
import { html } from "../html.js";

const [WIDTH, HEIGHT] = [64, 16];

export function Sparkline({ values, label }) {
  const known = values.filter((value) => value != null).map((value) => (value > 1 ? value / 100 : value));
  if (known.length === 0) return null;
  const x = (index) => (known.length === 1 ? WIDTH - 3 : 2 + (index * (WIDTH - 5)) / (known.length - 1));
  const y = (value) => HEIGHT - 2 - value * (HEIGHT - 4);
  const points = known.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`);
  const last = known.length - 1;
  return html`
    <svg class="sparkline" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${label}>
      <polyline points=${points.join(" ")} fill="none" />
      <circle cx=${x(last)} cy=${y(known[last])} r="2" />
    </svg>
  `;
}
