// The figures of a leaderboard's line at each benchmark: thousands of them, so that they are asked for when it is opened.
import { ask } from "../api.js";
import * as format from "../format.js";
import { html, useEffect, useState } from "../html.js";
import { Link } from "../router.js";
import { Score } from "./basics.js";
import { ErrorNote, Loading } from "./notices.js";
import { InPieces } from "./pieces.js";
import { excludedWords, SolveRate } from "./rates.js";

// With what the entry knows already, or else asked with the leaderboard's `filter`; again whenever the entry is another.
export function ByBenchmark({ entry, filter, k }) {
  const { agent, settingsHash, byBenchmark } = entry;
  const [{ found, error }, setState] = useState({ found: byBenchmark });
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (byBenchmark) return setState({ found: byBenchmark });
    let over = false;
    const one = { ...filter, agents: [agent], ...(settingsHash && { settingsHashes: [settingsHash] }) };
    ask("by_benchmark", { filter: one, k })
      .then(({ leaderboard }) => ofSettings(leaderboard, settingsHash))
      .then(
        (found) => over || setState({ found }),
        (error) => over || setState(({ found }) => ({ found, error })),
      );
    return () => {
      over = true;
    };
  }, [entry, k, round]);
  return html`
    ${error && html`<${ErrorNote} error=${error} retry=${() => setRound(round + 1)} />`}
    ${found ? html`<${Table} agent=${agent} byBenchmark=${found} k=${k} />` : !error && html`<${Loading} what=${`the benchmarks of ${agent}`} />`}
  `;
}

function ofSettings({ totalCount, entries }, hash) {
  const entry = entries.find(({ settingsHash }) => settingsHash === hash);
  if (!entry && totalCount > entries.length)
    throw new Error(`The agent has ${format.count(totalCount)} lines, and this is not one of the first.`);
  return entry?.byBenchmark ?? [];
}

const Table = ({ agent, byBenchmark, k }) => html`
  <${InPieces} items=${byBenchmark} one="benchmark">${(byBenchmark) => html`
  <table aria-label=${`${agent} by benchmark`}>
    <thead><tr><th scope="col">Benchmark</th><th scope="col">Solved</th><th scope="col">Mean score</th><th scope="col">pass@${k}</th><th scope="col">pass^${k}</th><th scope="col">Not counted</th></tr></thead>
    <tbody>
      ${byBenchmark.map(
        ({ benchmarkId, revision, figures }) => html`
          <tr key=${`${benchmarkId} ${revision}`}>
            <th scope="row"><${Link} href=${`/benchmarks/${encodeURIComponent(benchmarkId)}`}>${benchmarkId}</${Link}> ${revision != null && html`<span class="quiet">revision ${revision}</span>`}</th>
            <td><${SolveRate} figures=${figures} label=${`Solve rate at ${benchmarkId}`} /></td>
            <td><${Score} value=${figures.meanScore} /></td>
            <td>${format.share(figures.passAt)}</td>
            <td>${format.share(figures.passAll)}</td>
            <td>${excludedWords(figures.excluded)}</td>
          </tr>
        `,
      )}
    </tbody>
  </table>
  `}</${InPieces}>
`;
