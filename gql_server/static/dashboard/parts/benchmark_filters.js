// Which benchmarks a list shows. Everything is searched on the server, in all of them.
import * as format from "../format.js";
import { html } from "../html.js";
import { SearchField } from "./field.js";

// `narrow` changes the filters and goes to the first page.
export const BenchmarkFilters = ({ filter, tags, narrow, children }) => html`
  <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
    <${SearchField} label="Text" placeholder="id, description or prompt" value=${filter.text} change=${(text) => narrow({ text })} />
    <${Tag} value=${filter.tag} tags=${tags} change=${(tag) => narrow({ tag })} />
    ${children}
  </form>
`;

// The tags to choose from; where they are too many for that, or the address names one that is not among them, any can
// be written.
function Tag({ value = "", tags: { nodes, totalCount }, change }) {
  const names = nodes.map(({ name }) => name).sort();
  if (totalCount > nodes.length)
    return html`
      <${SearchField} label="Tag" value=${value} change=${change} list="benchmark-tags" placeholder=${`one of ${format.count(totalCount)}`} />
      <datalist id="benchmark-tags">${names.map((name) => html`<option key=${name} value=${name} />`)}</datalist>
    `;
  const known = !value || names.includes(value) ? names : [value, ...names];
  return html`
    <label>Tag
      <select value=${value} onChange=${(event) => change(event.target.value)}>
        <option value="" selected=${!value}>any</option>
        ${known.map((name) => html`<option key=${name} value=${name} selected=${name === value}>${name}</option>`)}
      </select>
    </label>
  `;
}

export const GridFilters = ({ filter, narrow }) => html`
  <label>State
    <select value=${filter.state ?? ""} onChange=${(event) => narrow({ state: event.target.value })}>
      <option value="">any</option>
      <option value="UNTESTED">Untested</option>
      ${Object.entries(format.STATUS_WORDS).map(([status, words]) => html`<option key=${status} value=${status}>${words}</option>`)}
    </select>
  </label>
  <label>Solved
    <select value=${filter.solved ?? ""} onChange=${(event) => narrow({ solved: event.target.value })}>
      <option value="">any</option>
      <option value="yes">every attempt</option>
      <option value="no">not every attempt</option>
    </select>
  </label>
`;
