// A batch as a grid: benchmarks × agents and their settings, each cell solved of attempts.
import * as format from "../format.js";
import { html } from "../html.js";
import { Link } from "../router.js";
import { Name } from "./name.js";
import { InPieces } from "./pieces.js";
import { excludedWords, rateWords, Settings, solvedOf } from "./rates.js";

// Its columns: what has figures, and the agents of the request that have none so far.
function columnsOf({ entries, request }) {
  const known = new Set(entries.map(({ agent }) => agent));
  const waiting = (request.agents ?? []).filter((agent) => !known.has(agent));
  return [...entries, ...waiting.map((agent) => ({ agent, settingsHash: undefined, byBenchmark: [] }))];
}

const rowsOf = ({ entries, request }) =>
  [
    ...new Set([
      ...(request.benchmarkIds ?? []),
      ...entries.flatMap(({ byBenchmark }) => byBenchmark.map(({ benchmarkId }) => benchmarkId)),
    ]),
  ].sort();

export function BatchGrid({ batch }) {
  const columns = columnsOf(batch);
  const rows = rowsOf(batch);
  if (rows.length === 0) return html`<p class="quiet">None of its executions has ended.</p>`;
  return html`
    <${InPieces} items=${rows} one="benchmark">${(rows) => html`
    <div class="table-frame" tabindex="0" role="region" aria-label="Benchmarks and agents of the batch">
      <table class="grid narrow">
        <thead>
          <tr>
            <th scope="col">Benchmark</th>
            ${columns.map(({ agent, settingsHash, settingsSummary }) => html`<th scope="col" key=${`${agent} ${settingsHash}`}><${Name} text=${agent} /> ${settingsHash && html`<br /><${Settings} hash=${settingsHash} summary=${settingsSummary} />`}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (id) => html`
              <tr key=${id}>
                <th scope="row"><${Link} href=${`/benchmarks/${encodeURIComponent(id)}`}>${id}</${Link}></th>
                ${columns.map((column) => html`<td key=${`${column.agent} ${column.settingsHash}`}><${Cell} batchId=${batch.id} benchmarkId=${id} column=${column} /></td>`)}
              </tr>
            `,
          )}
        </tbody>
      </table>
    </div>
    `}</${InPieces}>
  `;
}

function Cell({ batchId, benchmarkId, column: { agent, settingsHash, byBenchmark } }) {
  const revisions = byBenchmark.filter((one) => one.benchmarkId === benchmarkId);
  const search = new URLSearchParams({ batch: batchId, benchmark: benchmarkId, agent });
  if (settingsHash) search.set("settings", settingsHash);
  if (revisions.length === 0)
    return html`<div class="cell small" data-grade="unknown"><${Link} href=${`/executions?${search}`}>none ended</${Link}></div>`;
  return revisions.map(({ revision, figures }) => {
    const { attempts, solveRate, meanScore, excluded } = figures;
    const words = attempts > 0 ? solvedOf(figures) : "no attempt";
    return html`
      <div key=${revision} class="cell small" data-grade=${solveRate == null ? "failed" : format.grade(solveRate)}>
        <${Link} href=${`/executions?${search}`} aria-label=${`${benchmarkId} with ${agent}: ${words}, ${rateWords(figures)}`}>
          <strong>${words}</strong>${" "}
          ${meanScore != null && html`<span class="quiet">score ${format.score(meanScore)}</span>`}
          ${revisions.length > 1 && html`<span class="quiet">revision ${revision ?? format.UNKNOWN}</span>`}
        </${Link}>
        ${excluded.length > 0 && html`<span class="quiet" title="Not counted as attempts">+ ${excludedWords(excluded)}</span>`}
      </div>
    `;
  });
}
