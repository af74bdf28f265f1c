// Where one is in a list that is read page by page, and the way to its other pages. The page is part of the address.
import * as format from "../format.js";
import { html } from "../html.js";
import { FIRST_PAGE } from "../list_address.js";
import { Link } from "../router.js";

// "51–100 of 2,008 benchmarks".
export function rangeWords({ shown, offset, total, one, several }) {
  const whole = format.many(total, one, several);
  if (shown === 0 || shown === total) return whole;
  return `${format.count(offset + 1)}–${format.count(offset + shown)} of ${whole}`;
}

// `connection` has totalCount, offset, nodes and pageInfo; `one` is the word for an item of it, `several` its plural
// where that is not regular.
export function Pager({ connection, one, several, change, quiet = false }) {
  const { nodes, offset, totalCount, pageInfo } = connection;
  const { hasNextPage, hasPreviousPage, startCursor, endCursor } = pageInfo;
  const words = rangeWords({ shown: nodes.length, offset, total: totalCount, one, several });
  // A page that what was before it has left: then there is nothing on it to go on from.
  const isBeyond = nodes.length === 0 && offset > 0;
  const isWhole = !hasNextPage && !hasPreviousPage && !isBeyond;
  const to = (place) => change({ ...FIRST_PAGE, ...place }, {});
  return html`
    <nav class="pager" aria-label=${`Pages of the list${quiet ? ", below it" : ""}`}>
      <span class="quiet" role=${quiet ? undefined : "status"}>${words}</span>
      ${
        !isWhole &&
        html`
          <${Turn} label="First page" symbol="«" off=${!hasPreviousPage && !isBeyond} turn=${() => to({})} />
          <${Turn} label="Previous page" symbol="‹" off=${!hasPreviousPage} turn=${() => to({ before: startCursor })} />
          <${Turn} label="Next page" symbol="›" off=${!hasNextPage} turn=${() => to({ after: endCursor })} />
          <${Turn} label="Last page" symbol="»" off=${!hasNextPage} turn=${() => to({ at: "end" })} />
        `
      }
    </nav>
  `;
}

// Where a page shows the first lines of a leaderboard beside other things: how many there are elsewhere. `search` narrows
// it to what the page is about.
export const Rest = ({ leaderboard: { totalCount, entries }, search = "" }) =>
  totalCount > entries.length &&
  html`<p class="quiet">${format.many(totalCount - entries.length, "further line")} of agents and settings: see the <${Link} href=${`/leaderboard${search}`}>leaderboard</${Link}>.</p>`;

// The same for a ranking, which is read by place: the address says where it begins.
export function RankPager({ shown, total, size, from, one, several, change }) {
  const isOff = [from <= 0, from <= 0, from + size >= total, from + size >= total];
  const last = Math.max(0, Math.floor((total - 1) / size) * size);
  const to = (place) => change({ from: place > 0 ? String(place) : null }, {});
  if (total <= size && from === 0) return null;
  return html`
    <nav class="pager" aria-label="Pages of the list">
      <span class="quiet" role="status">${rangeWords({ shown, offset: from, total, one, several })}</span>
      <${Turn} label="First page" symbol="«" off=${isOff[0]} turn=${() => to(0)} />
      <${Turn} label="Previous page" symbol="‹" off=${isOff[1]} turn=${() => to(from - size)} />
      <${Turn} label="Next page" symbol="›" off=${isOff[2]} turn=${() => to(from + size)} />
      <${Turn} label="Last page" symbol="»" off=${isOff[3]} turn=${() => to(last)} />
    </nav>
  `;
}

// Not disabled where it leads nowhere: a keyboard must not lose its place at the last page.
export const Turn = ({ label, symbol, off, turn }) => html`
  <button type="button" class="turn" aria-label=${label} title=${label} aria-disabled=${String(off)} onClick=${() => off || turn()}>${symbol}</button>
`;
