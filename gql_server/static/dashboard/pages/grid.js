// The first page: benchmarks × agents, each cell solved of attempts and the newest execution, moving as it moves.
import { priority, PRIORITIES } from "../actions.js";
import { ask } from "../api.js";
import { html, memo, useMemo, useRef } from "../html.js";
import * as format from "../format.js";
import { cellFigures, gridOf, withBenchmark, withExecution, withFigures, withPage } from "../grid_data.js";
import { benchmarkFilter, benchmarksOf, FIRST_PAGE, GRID_PAGE } from "../list_address.js";
import { useLiveQuery } from "../live_query.js";
import { BenchmarkFilters, GridFilters } from "../parts/benchmark_filters.js";
import { Doing } from "../parts/doing.js";
import { useAfterEnds } from "../parts/ends.js";
import { useFirst } from "../parts/first.js";
import { Cell } from "../parts/grid_cell.js";
import { Name } from "../parts/name.js";
import { Empty, Shown } from "../parts/notices.js";
import { Pager, Rest } from "../parts/pager.js";
import { AgentRate } from "../parts/rates.js";
import { Score } from "../parts/basics.js";
import { askToRun } from "../parts/run_dialog.js";
import { Link, usePage, useSearch } from "../router.js";
import { SyncButton } from "../parts/sync.js";
import { useStore } from "../use_store.js";

const STREAMS = [
  {
    document: "execution_updates",
    since: (answer) => ({ after: answer.executions.updatesCursor }),
    resume: (data) => ({ after: data.executionUpdates.cursor }),
    apply: (answer, item) => ({ ...answer, grid: withExecution(gridIn(answer), item) }),
  },
  {
    document: "benchmark_updates",
    since: (answer) => ({ after: answer.benchmarks.updatesCursor }),
    resume: (data) => ({ after: data.benchmarkUpdates.cursor }),
    apply: (answer, item) => ({ ...answer, grid: withBenchmark(gridIn(answer), item) }),
  },
];

const gridIn = (answer) => (answer.grid ??= gridOf(answer));

export function GridPage() {
  const heading = usePage("Grid");
  const [search, change] = useSearch();
  const question = benchmarksOf(search, GRID_PAGE);
  const key = JSON.stringify(question);
  const live = useLiveQuery({ key, query: "grid", variables: question, streams: STREAMS });
  return html`
    <h1 ref=${heading} tabindex="-1">Benchmarks × agents</h1>
    <${Shown} live=${live} what="the grid">
      ${(answer) => html`<${Grid} grid=${gridIn(answer)} question=${question} extend=${live.change} filter=${search} change=${change} />`}
    </${Shown}>
  `;
}

function Grid({ grid, question, extend, filter, change }) {
  const key = JSON.stringify(question);
  const asked = useRef(key);
  asked.current = key;
  const renew = async (answer, into) => {
    const fresh = await answer.catch(() => null);
    // By then the viewer may have gone to another page of it.
    if (fresh && asked.current === key)
      extend((answer) => ({ ...answer, grid: into(gridIn(answer), fresh) }));
  };
  // Which rows these are changes with what happens to any benchmark, and under some filters with every execution.
  const isMoving = Boolean(filter.state || filter.solved);
  useAfterEnds(grid.changes + (isMoving ? grid.moves : 0), () => renew(ask("grid", question), withPage));
  // Figures over all executions are known to the server only.
  useAfterEnds(isMoving ? 0 : grid.ends, () => renew(ask("grid_figures", question), withFigures));
  const narrow = (changes) => change({ ...changes, ...FIRST_PAGE });
  const isFiltered = Object.keys(question.filter).length > 0;
  if (grid.total === 0 && !isFiltered) return html`<${NoBenchmarks} />`;
  return html`
    <${Cards} grid=${grid} />
    <${BenchmarkFilters} filter=${filter} tags=${grid.tags} narrow=${narrow}>
      <${GridFilters} filter=${filter} narrow=${narrow} />
      <${Priority} />
      <${SyncButton} />
    </${BenchmarkFilters}>
    <${Pager} connection=${grid.page} one="benchmark" change=${change} />
    ${
      grid.rows.size === 0
        ? html`<${Empty} title="No benchmark fits"><button type="button" onClick=${() => narrow({ text: null, tag: null, state: null, solved: null })}>Show all</button></${Empty}>`
        : html`<${Table} grid=${grid} filter=${filter} />`
    }
    ${grid.rows.size > 10 && html`<${Pager} connection=${grid.page} one="benchmark" change=${change} quiet />`}
    <${Legend} />
  `;
}

const NoBenchmarks = () => html`
  <${Empty} title="There are no benchmarks">
    <p>Put YAML files into the benchmarks directory and read them, or <${Link} href="/benchmarks?edit=new">write one here</${Link}>. <code>reev-gql init</code> writes examples to begin with.</p>
    <p class="quiet">Archived ones are in the <${Link} href="/benchmarks?archived=1">list of benchmarks</${Link}>.</p>
    <${SyncButton} />
  </${Empty}>
`;

function Cards({ grid }) {
  return html`
    <ul class="cards" aria-label="Agents">
      ${grid.agents.map((agent) => html`<${Card} key=${agent} name=${agent} agent=${grid.runnable.get(agent)} entries=${grid.entries.get(agent) ?? []} />`)}
    </ul>
    <${Rest} leaderboard=${grid.leaderboard} />
  `;
}

const Card = ({ name, agent, entries }) => html`
  <li class="card">
    <h2><${Link} href=${`/agents/${encodeURIComponent(name)}`}><${Name} text=${name} /></${Link}></h2>
    ${agent && html`<p class="quiet">${agent.usesModel ? (agent.config?.model ?? "not configured") : "reference answer"}</p>`}
    <${AgentRate} name=${name} entries=${entries} config=${agent?.config}>
      ${(figures) => html`<p class="quiet">mean score <${Score} value=${figures.meanScore} /> · ${format.duration(figures.meanTimeMs)} on average</p>`}
    </${AgentRate}>
  </li>
`;

// For everything that is run from the grid, until it is chosen anew or the page is left.
function Priority() {
  const chosen = useStore(priority);
  return html`
    <label>Run with priority
      <select value=${chosen} onChange=${(event) => priority.set(Number(event.target.value))}>
        ${PRIORITIES.map(([value, words]) => html`<option key=${value} value=${value} selected=${value === chosen}>${words}</option>`)}
      </select>
    </label>
  `;
}

// A row is no lower.
const ROW_PX = 100;

function Table({ grid, filter }) {
  const runnable = useMemo(() => [...grid.runnable.values()], [grid.runnable]);
  // What is in sight is painted before the rest is drawn.
  const rows = useFirst([...grid.rows.values()], Math.ceil(innerHeight / ROW_PX));
  const all = { filter: benchmarkFilter(filter), total: grid.total };
  const every = format.many(grid.total, "benchmark");
  return html`
    <div class="table-frame" tabindex="0" role="region" aria-label="Benchmarks and agents">
      <table class="grid">
        <caption class="hidden">How many attempts at each benchmark each agent solved, and the newest execution</caption>
        <thead>
          <tr>
            <th scope="col">Benchmark <${Doing} class="small" title=${`${every} that fit, on all pages`} onClick=${() => askToRun(all, runnable)}>Run all</${Doing}></th>
            ${grid.agents.map(
              (agent) => html`
                <th scope="col" key=${agent}>
                  <${Name} text=${agent} />
                  ${grid.runnable.has(agent) && html`<${Doing} class="small" title=${`${every} that fit, on all pages`} aria-label=${`Run every benchmark that fits with ${agent}`} onClick=${() => askToRun(all, runnable, [agent])}>Run</${Doing}>`}
                </th>
              `,
            )}
          </tr>
        </thead>
        <tbody>
          ${rows.map((row) => html`<${Row} key=${row.benchmark.id} row=${row} grid=${grid} runnable=${runnable} />`)}
        </tbody>
      </table>
    </div>
  `;
}

const Row = memo(
  ({ row: { benchmark, cells }, grid, runnable }) => html`
    <tr>
      <th scope="row">
        <${Link} href=${`/benchmarks/${benchmark.id}`}>${benchmark.id}</${Link}>
        ${runnable.length > 1 && html`<${Doing} class="small" aria-label=${`Run ${benchmark.id} with every agent`} onClick=${() => askToRun({ ids: [benchmark.id] }, runnable)}>Run</${Doing}>`}
        <p class="quiet">${benchmark.description}</p>
      </th>
      ${grid.agents.map(
        (agent) =>
          html`<td key=${agent}><${Cell} benchmark=${benchmark} agent=${agent} execution=${cells.get(agent)} cell=${cellFigures(grid, benchmark.id, agent)} canRun=${grid.runnable.has(agent)} /></td>`,
      )}
    </tr>
  `,
);

const Legend = () => html`
  <p class="legend" aria-label="Colours of cells">
    <span data-grade="perfect">Every attempt solved</span> <span data-grade="partial">25 % or more</span>
    <span data-grade="poor">Below 25 %</span> <span data-grade="failed">No attempt counts</span>
    <span data-grade="unknown">Not tested</span>
  </p>
`;
