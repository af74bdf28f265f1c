// The live list of executions: filters and order are in the address, pages come without end, new ones slide in.
import { ask } from "../api.js";
import * as format from "../format.js";
import { html, useCallback, useEffect, useMemo, useRef, useState } from "../html.js";
import { lasting, listOf, withPage, withUpdate } from "../list_data.js";
import { useLiveQuery } from "../live_query.js";
import { Age, BenchmarkName, Elapsed, Progress, Scores, Solved, Status } from "../parts/basics.js";
import { attempt, Empty, Shown } from "../parts/notices.js";
import { useWindow } from "../parts/window.js";
import { Link, usePage, useSearch } from "../router.js";

const PAGE = 100;
const ROW_PX = 44;
const TYPING_MS = 250;

const COLUMNS = [
  [null, "State"],
  [null, "Benchmark"],
  [null, "Agent"],
  ["COMPUTED_SCORE", "Score"],
  [null, "Solved"],
  ["EXECUTION_TIME", "Time"],
  ["QUEUED_AT", "Requested"],
];

const SOLVED_CHOICES = [
  ["yes", "solved"],
  ["no", "not solved"],
];

function conditions({ text, agent, state, solved, origin, tag, batch }) {
  return {
    text: text || null,
    agents: agent ? [agent] : null,
    statuses: state ? [state] : null,
    solved: { yes: true, no: false }[solved] ?? null,
    origins: origin ? [origin] : null,
    tags: tag ? [tag] : null,
    batchId: batch || null,
  };
}

export function ExecutionsPage() {
  const heading = usePage("Executions");
  const [search, change] = useSearch();
  const { compare, sort = "QUEUED_AT", direction = "DESC" } = search;
  const key = JSON.stringify({ ...search, compare: null });
  const filter = useMemo(() => conditions(search), [key]);
  const order = useMemo(() => ({ field: sort, direction }), [key]);
  const live = useLiveQuery({
    key,
    query: "executions",
    variables: { filter, orderBy: order, first: PAGE },
    streams: [
      {
        document: "execution_updates",
        variables: { filter: lasting(filter) },
        since: (answer) => ({ after: answer.executions.updatesCursor }),
        resume: (data) => ({ after: data.executionUpdates.cursor }),
        apply: (answer, { executionUpdates: update }) => {
          const list = listIn(answer);
          return update.execution ? { ...answer, list: withUpdate(list, update, filter, order) } : answer;
        },
      },
    ],
  });
  return html`
    <h1 ref=${heading} tabindex="-1">${compare ? "Choose an execution to compare with" : "Executions"}</h1>
    <${Filters} search=${search} change=${change} agents=${live.data?.agents ?? []} />
    <${Shown} live=${live} what="executions">
      ${(answer) => html`<${List} key=${key} answer=${answer} extend=${live.change} filter=${filter} order=${order} change=${change} compare=${compare} />`}
    </${Shown}>
  `;
}

function Filters({ search, change, agents }) {
  const [text, setText] = useState(search.text ?? "");
  useEffect(() => {
    if (text === (search.text ?? "")) return undefined;
    const timer = setTimeout(() => change({ text }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const choice = (name, label, options) => html`
    <label>${label}
      <select value=${search[name] ?? ""} onChange=${(event) => change({ [name]: event.target.value })}>
        <option value="">any</option>
        ${options.map(([value, words]) => html`<option key=${value} value=${value}>${words}</option>`)}
      </select>
    </label>
  `;
  return html`
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <label>Text <input type="search" placeholder="benchmark, agent or id" value=${text} onInput=${(event) => setText(event.target.value)} /></label>
      ${choice("state", "State", Object.entries(format.STATUS_WORDS))}
      ${choice("solved", "Solved", SOLVED_CHOICES)}
      ${choice(
        "agent",
        "Agent",
        agents.map(({ name }) => [name, name]),
      )}
      ${choice("origin", "Started by", [
        ["REQUESTED", "this server"],
        ["OBSERVED", "somebody else"],
      ])}
      ${(search.tag || search.batch) && html`<button type="button" onClick=${() => change({ tag: null, batch: null })}>${search.tag ? `Tag ${search.tag}` : "One batch"} ✕</button>`}
    </form>
  `;
}

// The answer's list, made when it is first asked for.
function listIn(answer) {
  answer.list ??= listOf(answer);
  return answer.list;
}

function List({ answer, extend, filter, order, change, compare }) {
  const list = listIn(answer);
  const loading = useRef(false);

  const more = useCallback(async () => {
    if (loading.current || !list.hasMore) return;
    loading.current = true;
    const page = await attempt(() =>
      ask("executions", { filter, orderBy: order, first: PAGE, after: list.end }),
    );
    loading.current = false;
    if (page) extend((answer) => ({ ...answer, list: withPage(answer.list, page) }));
  }, [list]);

  if (list.items.length === 0) return html`<${Nothing} />`;
  return html`
    <p class="quiet" role="status">${format.count(list.total)} executions</p>
    <${Rows} items=${list.items} total=${list.total} more=${more} order=${order} change=${change} compare=${compare} />
  `;
}

const Nothing = () => html`
  <${Empty} title="No execution fits">
    <p>Start one from the <${Link} href="/">grid</${Link}>, or with <code>reev-gql run 001-sol-transfer</code>. It appears here by itself.</p>
  </${Empty}>
`;

function Rows({ items, total, more, order, change, compare }) {
  const keys = useMemo(() => items.map(({ id }) => id), [items]);
  const { frame, onScroll, from, to, above, below } = useWindow({ keys, rowHeight: ROW_PX, nearEnd: more });
  const sortBy = (field) =>
    change({ sort: field, direction: order.field === field && order.direction === "DESC" ? "ASC" : "DESC" });
  return html`
    <div class="table-frame window" ref=${frame} onScroll=${onScroll} tabindex="0" role="region" aria-label="Executions">
      <table aria-rowcount=${total}>
        <thead>
          <tr>
            ${COLUMNS.map(([field, title]) => html`<${Heading} key=${title} field=${field} title=${title} order=${order} sortBy=${sortBy} />`)}
            ${compare && html`<th scope="col">Compare</th>`}
          </tr>
        </thead>
        <tbody>
          <tr aria-hidden="true" style=${{ height: `${above}px` }}></tr>
          ${items.slice(from, to).map((execution) => html`<${Row} key=${execution.id} execution=${execution} compare=${compare} />`)}
          <tr aria-hidden="true" style=${{ height: `${below}px` }}></tr>
        </tbody>
      </table>
    </div>
  `;
}

function Heading({ field, title, order, sortBy }) {
  if (!field) return html`<th scope="col">${title}</th>`;
  const chosen = order.field === field;
  const direction = order.direction === "ASC" ? "ascending" : "descending";
  return html`
    <th scope="col" aria-sort=${chosen ? direction : "none"}>
      <button type="button" class="plain" onClick=${() => sortBy(field)}>${title} ${chosen ? (direction === "ascending" ? "▲" : "▼") : ""}</button>
    </th>
  `;
}

const Row = ({ execution, compare }) => html`
  <tr class="row">
    <td><${Link} href=${`/executions/${execution.id}`}><${Status} status=${execution.status} /></${Link}></td>
    <th scope="row"><${BenchmarkName} id=${execution.benchmarkId} /></th>
    <td>${execution.agent}</td>
    <td><${Scores} execution=${execution} /></td>
    <td><${Solved} solved=${execution.solved} /></td>
    <td><${Elapsed} execution=${execution} /> <${Progress} execution=${execution} /></td>
    <td><${Age} iso=${execution.queuedAt} /></td>
    ${compare && html`<td>${compare === execution.id ? "this one" : html`<${Link} href=${`/compare/${compare}/${execution.id}`}>Compare</${Link}>`}</td>`}
  </tr>
`;
