// The first page: benchmarks × agents, each cell the newest execution, moving as it moves.
import { priority, PRIORITIES } from "../actions.js";
import { ask } from "../api.js";
import { html, useEffect, useMemo, useState } from "../html.js";
import * as format from "../format.js";
import { gridOf, tagsOf, visibleRows, withBenchmark, withExecution } from "../grid_data.js";
import { useLiveQuery } from "../live_query.js";
import { MeanScore, SolveRate } from "../parts/basics.js";
import { Doing } from "../parts/doing.js";
import { Cell } from "../parts/grid_cell.js";
import { Empty, Shown } from "../parts/notices.js";
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

// Cards are figures over all executions, which only the server knows: asked for again when some have ended.
const CARDS_WAIT_MS = 700;

export function GridPage() {
  const heading = usePage("Grid");
  const live = useLiveQuery({ key: "grid", query: "grid", streams: STREAMS });
  return html`
    <h1 ref=${heading} tabindex="-1">Benchmarks × agents</h1>
    <${Shown} live=${live} what="the grid">${(answer) => html`<${Grid} grid=${gridIn(answer)} />`}</${Shown}>
  `;
}

function Grid({ grid }) {
  const [filter, change] = useSearch();
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
  const [cards, setCards] = useState(grid.cards);
  useEffect(() => {
    if (grid.ends === 0) return undefined;
    const timer = setTimeout(async () => {
      const answer = await ask("agent_cards").catch(() => null);
      if (answer) setCards(answer.agentPerformance);
    }, CARDS_WAIT_MS);
    return () => clearTimeout(timer);
  }, [grid.ends]);
  return html`
    <ul class="cards" aria-label="Agents">
      ${grid.agents.map((agent) => html`<${Card} key=${agent} name=${agent} agent=${grid.runnable.get(agent)} figures=${cards.find((card) => card.agent === agent)} />`)}
    </ul>
  `;
}

function Card({ name, agent, figures }) {
  return html`
    <li class="card">
      <h2><${Link} href=${`/agents/${encodeURIComponent(name)}`}>${name}</${Link}></h2>
      ${agent && html`<p class="quiet">${agent.usesModel ? (agent.config?.model ?? "not configured") : "reference answer"}</p>`}
      ${
        figures
          ? html`
            <p class="big"><${MeanScore} figures=${figures} /> <small>mean score</small></p>
            <p><${SolveRate} figures=${figures} label=${`Solve rate of ${name}`} /> <span class="quiet">· ${format.duration(figures.executionTime.meanMs)} on average</span></p>
          `
          : html`<p class="quiet">No execution has ended yet.</p>`
      }
    </li>
  `;
}

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
          <option value="yes">solved</option>
          <option value="no">not solved</option>
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
        <caption class="hidden">The newest execution of each benchmark by each agent</caption>
        <thead>
          <tr>
            <th scope="col">Benchmark <${Doing} class="small" onClick=${() => askToRun(ids, runnable)}>Run all</${Doing}></th>
            ${grid.agents.map(
              (agent) => html`
                <th scope="col" key=${agent}>
                  ${agent}
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
          html`<td key=${agent}><${Cell} benchmark=${benchmark} agent=${agent} executions=${cells.get(agent)} canRun=${grid.runnable.has(agent)} /></td>`,
      )}
    </tr>
  `;
}

const Legend = () => html`
  <p class="legend" aria-label="Colours of scores">
    <span data-grade="perfect">Perfect: 100 %</span> <span data-grade="partial">Partial: 25–99 %</span>
    <span data-grade="poor">Poor: below 25 %</span> <span data-grade="failed">Failed: no score</span>
    <span data-grade="unknown">Not tested</span>
  </p>
`;
