// The heading of a column by which a list may be sorted.
import { html } from "../html.js";

// `field` is null for a column by which nothing is sorted.
export function Heading({ field, title, order, sortBy }) {
  if (!field) return html`<th scope="col">${title}</th>`;
  const chosen = order.field === field;
  const direction = order.direction === "ASC" ? "ascending" : "descending";
  return html`
    <th scope="col" aria-sort=${chosen ? direction : "none"}>
      <button type="button" class="plain" onClick=${() => sortBy(field)}>${title} ${chosen ? (direction === "ascending" ? "▲" : "▼") : ""}</button>
    </th>
  `;
}
