// One cell of the grid: the newest execution of a benchmark by an agent, and what can be done about it.
import { priority, runOne, stop } from "../actions.js";
import * as format from "../format.js";
import { scoreOf } from "../format.js";
import { newest } from "../grid_data.js";
import { html } from "../html.js";
import { Link } from "../router.js";
import { Age, Elapsed, Progress, Scores, Solved, Sparkline, Status } from "./basics.js";
import { Doing } from "./doing.js";

export function Cell({ benchmark, agent, executions, canRun }) {
  const execution = newest(executions);
  const name = `${benchmark.id} with ${agent}`;
  const run =
    canRun &&
    html`
    <${Doing} class="icon" aria-label=${`Run ${name}`} title="Run" onClick=${() => runOne(benchmark.id, agent, priority.value)}>▶</${Doing}>
  `;
  if (!execution)
    return html`<div class="cell" data-grade="unknown"><span class="quiet">Not tested</span>${run}</div>`;
  const isLive = format.isLive(execution.status);
  return html`
    <div class="cell" data-status=${execution.status} data-grade=${gradeOf(execution)}>
      <${Link} href=${`/executions/${execution.id}`} aria-label=${`${name}: ${format.STATUS_WORDS[execution.status]}, score ${format.score(scoreOf(execution))}${solvedWords(execution)}`}>
        ${!isLive && scoreOf(execution) != null ? html`<${Scores} execution=${execution} />` : null}
        ${!isLive && html`<${Solved} solved=${execution.solved} />`}
        <${Status} status=${execution.status} />
      </${Link}>
      <${Progress} execution=${execution} />
      <span class="quiet">${isLive ? html`<${Elapsed} execution=${execution} />` : html`<${Age} iso=${execution.endedAt} />`}</span>
      <${Sparkline} values=${executions.map(scoreOf)} label=${`The last scores of ${name}`} />
      ${
        isLive
          ? html`<${Doing} class="icon" aria-label=${`Stop ${name}`} title="Stop" disabled=${execution.status === "STOPPING" || execution.origin === "OBSERVED"} onClick=${() => stop(execution.id)}>■</${Doing}>`
          : run
      }
    </div>
  `;
}

const solvedWords = ({ solved }) => (solved == null ? "" : solved ? ", solved" : ", not solved");

// A failed execution is not an untested one: without a score it has a colour of its own.
function gradeOf(execution) {
  if (format.isLive(execution.status)) return "live";
  return scoreOf(execution) == null ? "failed" : format.grade(scoreOf(execution));
}
