// Two executions side by side: what is the same, what is not, and what makes them hard to compare.
import * as format from "../format.js";
import { html } from "../html.js";
import { useLiveQuery } from "../live_query.js";
import { Elapsed, Score, Solved, Status } from "../parts/basics.js";
import { Name } from "../parts/name.js";
import { Empty, Shown } from "../parts/notices.js";
import { Lines } from "../parts/revisions.js";
import { Link, usePage } from "../router.js";

const WORDS = { SAME: "same", CHANGED: "differs", ONLY_LEFT: "only left", ONLY_RIGHT: "only right" };

export function ComparePage({ left, right }) {
  const heading = usePage("Comparison");
  const live = useLiveQuery({
    key: `${left} ${right}`,
    query: "comparison",
    variables: { left, right },
    streams: [],
  });
  return html`
    <h1 ref=${heading} tabindex="-1">Comparison</h1>
    <${Shown} live=${live} what="the comparison">
      ${({ compareExecutions }) =>
        compareExecutions
          ? html`<${Comparison} comparison=${compareExecutions} />`
          : html`<${Empty} title="One of them does not exist"><p>Choose two from <${Link} href="/executions">the list</${Link}>.</p></${Empty}>`}
    </${Shown}>
  `;
}

function Comparison({ comparison }) {
  const { left, right, notes, assertions, toolCalls, steps, definitionDiff, definitionsDiffer } = comparison;
  return html`
    ${notes.length > 0 && html`<div class="surface" role="note"><h2>Bear in mind</h2><ul>${notes.map((note) => html`<li key=${note}>${note}</li>`)}</ul></div>`}
    <${Table} title="Summary" rows=${[
      ["Execution", html`<${Side} execution=${left} />`, html`<${Side} execution=${right} />`, null],
      [
        "Solved",
        html`<${Solved} solved=${left.solved} />`,
        html`<${Solved} solved=${right.solved} />`,
        { true: "differs", false: "same" }[comparison.solvedChanged] ?? "unknown",
      ],
      [
        "Computed score",
        html`<${Score} value=${left.computedScore} />`,
        html`<${Score} value=${right.computedScore} />`,
        difference(comparison.computedScoreDelta, points),
      ],
      ["Benchmark", left.benchmarkId, right.benchmarkId, comparison.sameBenchmark ? "same" : "differs"],
      [
        "Definition",
        `revision ${left.benchmarkRevision ?? format.UNKNOWN}`,
        `revision ${right.benchmarkRevision ?? format.UNKNOWN}`,
        definitionsDiffer == null ? "unknown" : definitionsDiffer ? "differs" : "same",
      ],
      [
        "Agent",
        html`<${Name} text=${left.agent} />`,
        html`<${Name} text=${right.agent} />`,
        comparison.sameAgent ? "same" : "differs",
      ],
      ...([left, right].some(reportsOtherwise)
        ? [
            [
              "Reported score",
              html`<${Score} value=${left.score} />`,
              html`<${Score} value=${right.score} />`,
              difference(comparison.scoreDelta, points),
            ],
          ]
        : []),
      [
        "Time",
        html`<${Elapsed} execution=${left} />`,
        html`<${Elapsed} execution=${right} />`,
        format.signed(comparison.executionTimeDeltaMs, format.duration),
      ],
    ]} />
    <${Table} title="Assertions" rows=${assertions.map(({ left, right, difference }) => [
      (left ?? right).description,
      left ? outcome(left) : format.UNKNOWN,
      right ? outcome(right) : format.UNKNOWN,
      WORDS[difference],
    ])} />
    <${Table} title="Tool calls" rows=${toolCalls.map(({ left, right, difference, durationDeltaMs }) => [
      (left ?? right).name,
      call(left),
      call(right),
      `${WORDS[difference]}${!durationDeltaMs ? "" : `, ${format.signed(durationDeltaMs, format.duration)}`}`,
    ])} />
    <${Table} title="Steps" rows=${steps.map((step) => [
      `Step ${step.ordinal}`,
      step.leftObservationStatus ?? format.UNKNOWN,
      step.rightObservationStatus ?? format.UNKNOWN,
      WORDS[step.difference],
    ])} />
    ${definitionDiff && !definitionDiff.identical && html`<h2>What differs between the definitions</h2><${Lines} hunks=${definitionDiff.hunks} />`}
  `;
}

// The reported score stands beside the computed one only where it is another.
const reportsOtherwise = ({ score, computedScore }) =>
  score != null && (computedScore == null || format.score(score) !== format.score(computedScore));

const difference = (delta, unit) => (delta === 0 ? "same" : format.signed(delta, unit));
const points = (value) => `${(value * 100).toFixed(1)} points`;
const Side = ({ execution }) =>
  html`<${Link} href=${`/executions/${execution.id}`}><${Status} status=${execution.status} /> <span class="mono">${execution.id.slice(-8)}</span></${Link}>`;
const outcome = ({ outcome, actual }) =>
  `${outcome.toLowerCase().replace("_", " ")}${actual == null ? "" : ` (${JSON.stringify(actual)})`}`;
const call = (one) =>
  one ? `${one.status.toLowerCase()}, ${format.duration(one.durationMs)}` : format.UNKNOWN;

function Table({ title, rows }) {
  if (rows.length === 0) return html`<h2>${title}</h2><p class="quiet">Neither has any.</p>`;
  return html`
    <h2>${title}</h2>
    <div class="table-frame" tabindex="0" role="region" aria-label=${title}>
      <table class="comparison">
        <thead><tr><th scope="col">What</th><th scope="col">Left</th><th scope="col">Right</th><th scope="col">Difference</th></tr></thead>
        <tbody>
          ${rows.map(([what, left, right, difference], index) => html`<tr key=${index} data-same=${difference === "same"}><th scope="row">${what}</th><td>${left}</td><td>${right}</td><td>${difference}</td></tr>`)}
        </tbody>
      </table>
    </div>
  `;
}
