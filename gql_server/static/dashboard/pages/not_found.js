// Where an address leads nowhere: what may have been meant, and which pages there are.
import { html } from "../html.js";
import { PAGES } from "../pages_table.js";
import { Link, usePage } from "../router.js";

const UUID = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/i;
// Of so few letters two words may differ, and still one be meant.
const FAR = 2;
const LONGEST = 40;

export function NotFoundPage({ path }) {
  const heading = usePage("No such page");
  const meant = suggestions(path);
  return html`
    <h1 ref=${heading} tabindex="-1">There is no such page</h1>
    <section class="surface" aria-label="What may have been meant">
      <p>Nothing is at <code>${path}</code> on this server. The address may be mistyped, or belong to another version.</p>
      ${path === "/graphiql" && html`<p>GraphiQL is switched off here (<code>REEV_GQL_GRAPHIQL</code>).</p>`}
      ${meant.length > 0 && html`<p>Did you mean ${meant.map(([href, words], index) => html`${index > 0 && " or "}<${Link} key=${href} href=${href}>${words}</${Link}>`)}?</p>`}
      <h2>The pages</h2>
      <ul class="plain-list">
        ${PAGES.map(({ href, title, words }) => html`<li key=${href}><${Link} href=${href}>${title}</${Link}> <span class="quiet">${words}</span></li>`)}
      </ul>
      <p class="quiet">Press <kbd>Ctrl</kbd> <kbd>K</kbd> to search benchmarks, agents, batches and executions. The API is at <code>/graphql</code>.</p>
    </section>
  `;
}

// Pages whose address resembles this one, and what has the id that is in it.
export function suggestions(path) {
  const [id] = path.match(UUID) ?? [];
  if (id) {
    return [
      [`/executions/${id}`, `execution ${id.slice(-8)}`],
      [`/batches/${id}`, `batch ${id.slice(0, 8)}`],
    ];
  }
  const [first = "", ...rest] = path.toLowerCase().split("/").filter(Boolean);
  const near = PAGES.find(
    ({ href }) => href !== "/" && distance(first.slice(0, LONGEST), href.slice(1)) <= FAR,
  );
  if (!near) return [];
  const { href } = near;
  // What follows is kept where there are pages below.
  const deep = rest.length === 1 && near.deep ? `${href}/${path.split("/").filter(Boolean)[1]}` : href;
  return [[deep, deep]];
}

// How many letters must be added, removed or replaced to make one word of the other.
function distance(left, right) {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const replaced = row[j - 1] + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[right.length];
}
