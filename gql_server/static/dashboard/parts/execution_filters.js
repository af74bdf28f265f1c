// Which executions a list shows: the fields of the filter, all of them in the address (execution_conditions.js).
import { FIELDS, GIVEN, problems } from "../execution_conditions.js";
import * as format from "../format.js";
import { html } from "../html.js";
import { SearchField } from "./field.js";

const TIMES = [
  ["1h", "last hour"],
  ["1", "last day"],
  ["7", "last 7 days"],
  ["30", "last 30 days"],
];
const SOLVED_CHOICES = [
  ["yes", "solved"],
  ["no", "not solved"],
];
const ORIGIN_CHOICES = [
  ["REQUESTED", "this server"],
  ["OBSERVED", "somebody else"],
  ["IMPORTED", "reev, before it moved in"],
];
const NUMBERS = [
  ["scoreFrom", "Score at least (%)", "75"],
  ["scoreTo", "Score at most (%)", "99"],
  ["costFrom", "Cost at least", "0.01"],
  ["costTo", "Cost at most", "0.50"],
  ["tokensFrom", "Tokens at least", "1000"],
  ["tokensTo", "Tokens at most", "20000"],
];
const FOLDED = ["from", "to", "tag", "origin", ...NUMBERS.map(([name]) => name)];

export function ExecutionFilters({ search, change, agents }) {
  const choice = (name, label, options) => html`
    <label>${label}
      <select value=${search[name] ?? ""} onChange=${(event) => change({ [name]: event.target.value })}>
        <option value="">any</option>
        ${withChosen(options, search[name]).map(([value, words]) => html`<option key=${value} value=${value} selected=${value === search[name]}>${words}</option>`)}
      </select>
    </label>
  `;
  const text = (name, label, placeholder) =>
    html`<${SearchField} label=${label} placeholder=${placeholder} value=${search[name]} change=${(value) => change({ [name]: value })} />`;
  const day = (name, label) =>
    html`<label>${label} <input type="date" value=${search[name] ?? ""} onChange=${(event) => change({ [name]: event.target.value })} /></label>`;
  return html`
    <form role="search" onSubmit=${(event) => event.preventDefault()}>
      <div class="filters">
        ${text("text", "Text", "benchmark, agent or id")}
        ${text("said", "Said or failed with", 'words, or "two together"')}
        ${choice("state", "State", Object.entries(format.STATUS_WORDS))}
        ${choice("solved", "Solved", SOLVED_CHOICES)}
        ${choice("failure", "Failure", Object.entries(format.FAILURE_WORDS))}
        ${choice("agent", "Agent", names(agents))}
        ${choice("days", "Requested in the", TIMES)}
        ${text("label", "Tag", "key or key=value")}
      </div>
      <details open=${FOLDED.some((name) => search[name])}>
        <summary>More filters</summary>
        <div class="filters">
          ${NUMBERS.map(([name, label, placeholder]) => text(name, label, placeholder))}
          ${day("from", "Requested from")}
          ${day("to", "Requested until")}
          ${text("tag", "Tag of the benchmark", "transfer")}
          ${choice("origin", "Started by", ORIGIN_CHOICES)}
        </div>
      </details>
      ${problems(search).map((problem) => html`<p key=${problem} class="issue" role="alert">${problem}</p>`)}
      <${Given} search=${search} change=${change} />
    </form>
  `;
}

const names = (agents) => agents.map((name) => [name, format.shortened(name, 40)]);

// What the address says is in the list, also where nobody would have offered it.
const withChosen = (options, chosen) =>
  !chosen || options.some(([value]) => value === chosen) ? options : [...options, [chosen, chosen]];

// Conditions that other pages set, as buttons that remove them, and one that removes all conditions.
function Given({ search, change }) {
  const set = FIELDS.filter((name) => search[name]);
  if (set.length === 0) return null;
  const none = Object.fromEntries(set.map((name) => [name, null]));
  return html`
    <p class="buttons">
      ${Object.entries(GIVEN)
        .filter(([name]) => search[name])
        .map(
          ([name, words]) =>
            html`<button type="button" key=${name} class="small" onClick=${() => change({ [name]: null })}>${words(search[name])} ✕</button>`,
        )}
      <button type="button" class="small" onClick=${() => change(none)}>Show all executions</button>
    </p>
  `;
}
