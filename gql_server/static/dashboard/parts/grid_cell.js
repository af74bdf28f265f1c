// One cell of the grid: how many attempts at a benchmark an agent solved, its newest execution, and what can be done.
import { priority, runOne, stop } from "../actions.js";
import * as format from "../format.js";
import { html } from "../html.js";
import { Link } from "../router.js";
import { Age, Elapsed, Progress, Status } from "./basics.js";
import { Doing } from "./doing.js";
import { rateWords, solvedOf } from "./rates.js";

export function Cell({ benchmark, agent, execution, cell, canRun }) {
  const name = `${benchmark.id} with ${agent}`;
  const run =
    canRun &&
    html`
    <${Doing} class="icon" aria-label=${`Run ${name}`} title="Run" onClick=${() => runOne(benchmark.id, agent, priority.value)}>▶</${Doing}>
  `;
  if (!execution && !cell)
    return html`<div class="cell" data-grade="unknown"><span class="quiet">Not tested</span>${run}</div>`;
  const isLive = execution && format.isLive(execution.status);
  return html`
    <div class="cell" data-status=${execution?.status} data-grade=${isLive ? "live" : gradeOf(cell)}>
      ${cell ? html`<${Solved} name=${name} benchmark=${benchmark} agent=${agent} cell=${cell} />` : html`<span class="quiet">No attempt has ended</span>`}
      ${execution && html`<${Progress} execution=${execution} />`}
      ${
        execution &&
        html`
          <${Link} class="newest" href=${`/executions/${execution.id}`} aria-label=${`Newest execution of ${name}: ${format.STATUS_WORDS[execution.status]}`}>
            <${Status} status=${execution.status} />
            <span class="quiet">${isLive ? html`<${Elapsed} execution=${execution} />` : html`<${Age} iso=${execution.endedAt} />`}</span>
          </${Link}>
        `
      }
      ${
        isLive
          ? html`<${Doing} class="icon" aria-label=${`Stop ${name}`} title="Stop" disabled=${execution.status === "STOPPING" || execution.origin === "OBSERVED"} onClick=${() => stop(execution.id)}>■</${Doing}>`
          : run
      }
    </div>
  `;
}

function Solved({ name, benchmark, agent, cell }) {
  const { figures, revision, isCurrent, others } = cell;
  const search = new URLSearchParams({ benchmark: benchmark.id, agent });
  return html`
    <${Link} href=${`/executions?${search}`} title=${rateWords(figures)} aria-label=${`${name}: ${solvedOf(figures)}, ${rateWords(figures)}`}>
      <strong>${figures.attempts > 0 ? solvedOf(figures) : "no attempt"}</strong>${" "}
      ${figures.meanScore != null && html`<span class="quiet">score ${format.score(figures.meanScore)}</span>`}
      ${!isCurrent && html`<span class="quiet">with other settings</span>`}
      ${revision != null && revision !== benchmark.revision && html`<span class="quiet">revision ${revision}</span>`}
      ${others > 0 && html`<span class="quiet" title="Other settings of the agent, or other revisions of the benchmark, have figures of their own.">+ ${others} other</span>`}
    </${Link}>
  `;
}

// Whatever says nothing about the agent has a colour of its own: it is neither solved nor untested.
function gradeOf(cell) {
  if (!cell) return "unknown";
  return cell.figures.solveRate == null ? "failed" : format.grade(cell.figures.solveRate);
}
