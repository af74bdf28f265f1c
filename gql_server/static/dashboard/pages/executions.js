// The live list of executions: filters and order are in the address, pages come without end, new ones slide in.
import { useAgain } from "../again.js";
import { ask, passes } from "../api.js";
import { conditions, FIELDS } from "../execution_conditions.js";
import * as format from "../format.js";
import { html, useCallback, useMemo, useRef, useState } from "../html.js";
import { lasting, listOf, onlyServerKnows, withPage, withUpdate } from "../list_data.js";
import { useLiveQuery } from "../live_query.js";
import { Age, BenchmarkName, Elapsed, Progress, Scores, Solved, Status } from "../parts/basics.js";
import { Downloads } from "../parts/download.js";
import { useAfterEnds, withEnd } from "../parts/ends.js";
import { ExecutionFilters } from "../parts/execution_filters.js";
import { Heading } from "../parts/heading.js";
import { Tags } from "../parts/labels.js";
import { Name } from "../parts/name.js";
import { Nothing } from "../parts/nothing.js";
import { ErrorNote, Shown } from "../parts/notices.js";
import { useWindow } from "../parts/window.js";
import { Link, usePage, useSearch } from "../router.js";

const PAGE = 100;
const ROW_PX = 44;

const COLUMNS = [
  [null, "State"],
  [null, "Solved"],
  ["COMPUTED_SCORE", "Score"],
  [null, "Benchmark"],
  [null, "Agent"],
  ["EXECUTION_TIME", "Time"],
  ["QUEUED_AT", "Requested"],
  [null, "Tags"],
];

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
          if (!update.execution) return answer;
          return withEnd({ ...answer, list: withUpdate(list, update, filter, order) }, update.execution);
        },
      },
    ],
  });
  useAfterEnds(onlyServerKnows(filter) ? live.data?.ends : 0, live.refresh);
  return html`
    <h1 ref=${heading} tabindex="-1">${compare ? "Choose an execution to compare with" : "Executions"}</h1>
    <${ExecutionFilters} search=${search} change=${change} agents=${live.data?.agentNames ?? []} />
    <${Shown} live=${live} what="executions">
      ${(answer) => html`<${List} key=${key} answer=${answer} extend=${live.change} filter=${filter} order=${order} change=${change} compare=${compare} />`}
    </${Shown}>
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
  const [failed, setFailed] = useState(null);

  const more = useCallback(async () => {
    if (loading.current || !list.hasMore) return;
    loading.current = true;
    try {
      const page = await ask("executions", { filter, orderBy: order, first: PAGE, after: list.end });
      setFailed(null);
      extend((answer) => ({ ...answer, list: withPage(answer.list, page) }));
    } catch (error) {
      setFailed(error);
    }
    loading.current = false;
  }, [list]);
  useAgain(passes(failed), more, failed);

  if (list.items.length === 0) return html`<${NoExecution} />`;
  return html`
    <div class="buttons">
      <span class="quiet" role="status">${format.many(list.total, "execution")}</span>
      <${Downloads} what="executions" filter=${filter} />
    </div>
    <${Rows} items=${list.items} total=${list.total} more=${more} order=${order} change=${change} compare=${compare} />
    ${failed && html`<${ErrorNote} error=${failed} what="Further executions" retry=${more} />`}
  `;
}

const NoExecution = () => html`
  <${Nothing} what="execution" filters=${FIELDS}>
    <p>Start one from the <${Link} href="/">grid</${Link}>, or with <code>reev-gql run 001-sol-transfer</code>. It appears here by itself.</p>
  </${Nothing}>
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

const Row = ({ execution, compare }) => html`
  <tr class="row">
    <td><${Link} href=${`/executions/${execution.id}`}><${Status} status=${execution.status} /></${Link}></td>
    <td><${Solved} solved=${execution.solved} /></td>
    <td><${Scores} execution=${execution} /></td>
    <th scope="row"><${BenchmarkName} id=${execution.benchmarkId} /></th>
    <td><${Name} text=${execution.agent} /></td>
    <td><${Elapsed} execution=${execution} /> <${Progress} execution=${execution} /></td>
    <td><${Age} iso=${execution.queuedAt} /></td>
    <td><${Tags} tags=${execution.tags} href="/executions?label=" /></td>
    ${compare && html`<td>${compare === execution.id ? "this one" : html`<${Link} href=${`/compare/${compare}/${execution.id}`}>Compare</${Link}>`}</td>`}
  </tr>
`;
