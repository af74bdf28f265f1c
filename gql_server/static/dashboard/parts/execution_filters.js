// Which executions a list shows: the fields of the filter, all of them in the address.
import * as format from "../format.js";
import { html } from "../html.js";
import { SearchField } from "./field.js";

const SOLVED_CHOICES = [
  ["yes", "solved"],
  ["no", "not solved"],
];
const ORIGIN_CHOICES = [
  ["REQUESTED", "this server"],
  ["OBSERVED", "somebody else"],
  ["IMPORTED", "reev; imported"],
];
const NUMBERS = [
  ["costFrom", "Cost at least", "0.01"],
  ["costTo", "Cost at most", "0.50"],
  ["tokensFrom", "Tokens at least", "1000"],
  ["tokensTo", "Tokens at most", "20000"],
];

// Conditions that other pages set: shown as buttons that remove them.
const GIVEN = {
  benchmark: (id) => `Benchmark ${id}`,
  settings: (hash) => `Settings ${hash.slice(0, 8)}`,
  tag: (tag) => `Benchmarks tagged ${tag}`,
  batch: (id) => `Batch ${id.slice(0, 8)}`,
};

const one = (value) => (value ? [value] : null);
const number = (text) => (text && Number.isFinite(Number(text)) ? Number(text) : null);

const given = (filter) => Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== null));

// The ExecutionFilter that an address means.
export const conditions = (search) =>
  given({
    text: search.text || null,
    search: search.said || null,
    agents: one(search.agent),
    benchmarkIds: one(search.benchmark),
    statuses: one(search.state),
    failureKinds: one(search.failure),
    solved: { yes: true, no: false }[search.solved] ?? null,
    origins: one(search.origin),
    tags: one(search.tag),
    executionTags: one(search.label),
    settingsHashes: one(search.settings),
    batchId: search.batch || null,
    costAtLeast: number(search.costFrom),
    costAtMost: number(search.costTo),
    tokensAtLeast: number(search.tokensFrom),
    tokensAtMost: number(search.tokensTo),
  });

export function ExecutionFilters({ search, change, agents }) {
  const choice = (name, label, options) => html`
    <label>${label}
      <select value=${search[name] ?? ""} onChange=${(event) => change({ [name]: event.target.value })}>
        <option value="">any</option>
        ${options.map(([value, words]) => html`<option key=${value} value=${value} selected=${value === search[name]}>${words}</option>`)}
      </select>
    </label>
  `;
  const text = (name, label, placeholder) =>
    html`<${SearchField} label=${label} placeholder=${placeholder} value=${search[name]} change=${(value) => change({ [name]: value })} />`;
  const names = agents.map((name) => [name, format.shortened(name, 40)]);
  const more = NUMBERS.some(([name]) => search[name]) || search.origin || search.failure;
  return html`
    <form role="search" onSubmit=${(event) => event.preventDefault()}>
      <div class="filters">
        ${text("text", "Text", "benchmark, agent or id")}
        ${text("said", "Said or failed with", 'words, or "two together"')}
        ${choice("state", "State", Object.entries(format.STATUS_WORDS))}
        ${choice("solved", "Solved", SOLVED_CHOICES)}
        ${choice("agent", "Agent", names)}
        ${text("label", "Tag", "key or key=value")}
      </div>
      <details open=${Boolean(more)}>
        <summary>More filters</summary>
        <div class="filters">
          ${choice("failure", "Failure", Object.entries(format.FAILURE_WORDS))}
          ${choice("origin", "Started by", ORIGIN_CHOICES)}
          ${NUMBERS.map(([name, label, placeholder]) => text(name, label, placeholder))}
        </div>
      </details>
      <p class="buttons">
        ${Object.entries(GIVEN)
          .filter(([name]) => search[name])
          .map(
            ([name, words]) =>
              html`<button type="button" key=${name} class="small" onClick=${() => change({ [name]: null })}>${words(search[name])} ✕</button>`,
          )}
      </p>
    </form>
  `;
}
