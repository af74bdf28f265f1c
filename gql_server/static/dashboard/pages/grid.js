// The first page: benchmarks × agents, each cell solved of attempts and the newest execution, moving as it moves.
import { priority, PRIORITIES } from "../actions.js";
import { ask } from "../api.js";
import { html, useMemo } from "../html.js";
import * as format from "../format.js";
import {
  cellFigures,
  gridOf,
  tagsOf,
  visibleRows,
  withBenchmark,
  withExecution,
  withFigures,
} from "../grid_data.js";
import { useLiveQuery } from "../live_query.js";
import { Doing } from "../parts/doing.js";
import { useAfterEnds } from "../parts/ends.js";
import { Cell } from "../parts/grid_cell.js";
import { Name } from "../parts/name.js";
import { Empty, Shown } from "../parts/notices.js";
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
  const live = useLiveQuery({ key: "grid", query: "grid", streams: STREAMS });
  return html`
    <h1 ref=${heading} tabindex="-1">Benchmarks × agents</h1>
    <${Shown} live=${live} what="the grid">${(answer) => html`<${Grid} grid=${gridIn(answer)} extend=${live.change} />`}</${Shown}>
  `;
}

function Grid({ grid, extend }) {
  const [filter, change] = useSearch();
  // Figures over all executions are known to the server only.
  useAfterEnds(grid.ends, async () => {
    const fresh = await ask("grid_figures").catch(() => null);
    if (fresh) extend((answer) => ({ ...answer, grid: withFigures(gridIn(answer), fresh) }));
  });
  const rows = useMemo(
    () => visibleRows(grid, filter),
    [grid, filter.text, filter.tag, filter.state, filter.solved],
  );
  if (grid.rows.size === 0) return html`<${NoBenchmarks} />`;
  return html`
    <${Cards} grid=${grid} />
    <${Filters} grid=${grid} filter=${filter} change=${change} />
    ${
      rows.length === 0
        ? html`<${Empty} title="No benchmark fits"><button type="button" onClick=${() => change({ text: null, tag: null, state: null, solved: null })}>Show all</button></${Empty}>`
        : html`<${Table} grid=${grid} rows=${rows} />`
    }
    <${Legend} />
  `;
}

const NoBenchmarks = () => html`
  <${Empty} title="There are no benchmarks yet">
    <p>Put YAML files into the benchmarks directory and read them, or <${Link} href="/benchmarks?edit=new">write one here</${Link}>.</p>
    <${SyncButton} />
  </${Empty}>
`;

function Cards({ grid }) {
  return html`
    <ul class="cards" aria-label="Agents">
      ${grid.agents.map((agent) => html`<${Card} key=${agent} name=${agent} agent=${grid.runnable.get(agent)} entries=${grid.entries.get(agent) ?? []} />`)}
    </ul>
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

function Filters({ grid, filter, change }) {
  return html`
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <label>Text <input type="search" placeholder="id or description" value=${filter.text ?? ""} onInput=${(event) => change({ text: event.target.value })} /></label>
      <label>Tag
        <select value=${filter.tag ?? ""} onChange=${(event) => change({ tag: event.target.value })}>
          <option value="">any</option>
          ${tagsOf(grid).map((tag) => html`<option key=${tag} value=${tag}>${tag}</option>`)}
        </select>
      </label>
      <label>State
        <select value=${filter.state ?? ""} onChange=${(event) => change({ state: event.target.value })}>
          <option value="">any</option>
          <option value="UNTESTED">Untested</option>
          ${Object.entries(format.STATUS_WORDS).map(([status, words]) => html`<option key=${status} value=${status}>${words}</option>`)}
        </select>
      </label>
      <label>Solved
        <select value=${filter.solved ?? ""} onChange=${(event) => change({ solved: event.target.value })}>
          <option value="">any</option>
          <option value="yes">every attempt</option>
          <option value="no">not every attempt</option>
        </select>
      </label>
      <${Priority} />
      <${SyncButton} />
    </form>
  `;
}

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

function Table({ grid, rows }) {
  const ids = rows.map(({ benchmark }) => benchmark.id);
  const runnable = [...grid.runnable.values()];
  return html`
    <div class="table-frame" tabindex="0" role="region" aria-label="Benchmarks and agents">
      <table class="grid">
        <caption class="hidden">How many attempts at each benchmark each agent solved, and the newest execution</caption>
        <thead>
          <tr>
            <th scope="col">Benchmark <${Doing} class="small" onClick=${() => askToRun(ids, runnable)}>Run all</${Doing}></th>
            ${grid.agents.map(
              (agent) => html`
                <th scope="col" key=${agent}>
                  <${Name} text=${agent} />
                  ${grid.runnable.has(agent) && html`<${Doing} class="small" aria-label=${`Run every shown benchmark with ${agent}`} onClick=${() => askToRun(ids, runnable, [agent])}>Run</${Doing}>`}
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

function Row({ row: { benchmark, cells }, grid, runnable }) {
  return html`
    <tr>
      <th scope="row">
        <${Link} href=${`/benchmarks/${benchmark.id}`}>${benchmark.id}</${Link}>
        ${runnable.length > 1 && html`<${Doing} class="small" aria-label=${`Run ${benchmark.id} with every agent`} onClick=${() => askToRun([benchmark.id], runnable)}>Run</${Doing}>`}
        <p class="quiet">${benchmark.description}</p>
      </th>
      ${grid.agents.map(
        (agent) =>
          html`<td key=${agent}><${Cell} benchmark=${benchmark} agent=${agent} execution=${cells.get(agent)} cell=${cellFigures(grid, benchmark.id, agent)} canRun=${grid.runnable.has(agent)} /></td>`,
      )}
    </tr>
  `;
}

const Legend = () => html`
  <p class="legend" aria-label="Colours of cells">
    <span data-grade="perfect">Every attempt solved</span> <span data-grade="partial">25 % or more</span>
    <span data-grade="poor">Below 25 %</span> <span data-grade="failed">No attempt counts</span>
    <span data-grade="unknown">Not tested</span>
  </p>
`;
