// A leaderboard: agents and their settings with every figure, to be sorted, opened by benchmark, and compared in pairs.
import { comparisonOf } from "../comparison_address.js";
import * as format from "../format.js";
import { Fragment, html, useState } from "../html.js";
import { go, Link } from "../router.js";
import { Score } from "./basics.js";
import { ByBenchmark } from "./by_benchmark.js";
import { Heading } from "./heading.js";
import { Name } from "./name.js";
import { PassK } from "./pass_k.js";
import { bounds, Excluded, IntervalBar, Settings, SolveRate } from "./rates.js";

// Field to sort by, title, and what stands there for the figures; the first four are drawn by themselves.
const COLUMNS = [
  ["AGENT", "Agent and settings"],
  ["SOLVE_RATE", "Solved"],
  ["MEAN_SCORE", "Mean score"],
  ["BENCHMARKS", "Benchmarks"],
  ["MEDIAN_SCORE", "Median score", ({ medianScore }) => format.score(medianScore)],
  [null, "pass@k", ({ passAt }) => format.share(passAt)],
  [null, "pass^k", ({ passAll }) => format.share(passAll)],
  ["INPUT_TOKENS", "Tokens in", ({ inputTokens }) => format.count(inputTokens)],
  ["OUTPUT_TOKENS", "Tokens out", ({ outputTokens }) => format.count(outputTokens)],
  ["COST", "Cost (USD)", ({ cost }) => format.cost(cost)],
  ["COST_PER_ATTEMPT", "per attempt", ({ costPerAttempt }) => format.cost(costPerAttempt)],
  ["COST_PER_SOLVED", "per solved", ({ costPerSolved }) => format.cost(costPerSolved)],
  ["MEAN_TIME", "Mean time", ({ meanTimeMs }) => format.duration(meanTimeMs)],
  ["P50_TIME", "Median time", ({ p50TimeMs }) => format.duration(p50TimeMs)],
  ["P95_TIME", "95 % within", ({ p95TimeMs }) => format.duration(p95TimeMs)],
];

// What is known of none, as tokens without a model, has no column.
const columnsOf = (entries) =>
  COLUMNS.filter(([, , shown]) => !shown || entries.some(({ figures }) => shown(figures) !== format.UNKNOWN));

const keyOf = ({ agent, settingsHash }) => `${agent} ${settingsHash}`;

// `within` are the conditions that the entries were asked with, which hold for what is compared too; `k` is that of
// pass@k. `order` and `sortBy` are there where the server sorts. `filter` is that of the leaderboard, with which a line's
// benchmarks are asked for when it is opened, where the entries do not have them.
export function Board({ entries, k, within = {}, filter, order, sortBy }) {
  const [opened, setOpened] = useState(new Set());
  const [picked, setPicked] = useState([]);
  const columns = columnsOf(entries);
  const toggle = (key) => setOpened((opened) => new Set(opened).symmetricDifference(new Set([key])));
  const pick = (key) =>
    setPicked((picked) =>
      picked.includes(key) ? picked.filter((other) => other !== key) : [...picked.slice(-1), key],
    );
  return html`
    <div class="buttons">
      ${entries.length > 1 && html`<${Compare} picked=${picked.map((key) => entries.find((entry) => keyOf(entry) === key)).filter(Boolean)} within=${within} />`}
      <${PassK} isKnown=${entries.some(({ figures }) => figures.passAt != null)} />
    </div>
    <div class="table-frame" tabindex="0" role="region" aria-label="Agents and settings">
      <table class="board">
        <thead>
          <tr>
            ${entries.length > 1 && html`<th scope="col"><span class="hidden">Compare</span></th>`}
            ${columns.map(([field, title]) => html`<${Heading} key=${title} field=${order && field} title=${title.replace(/^(pass.)k$/, `$1${k}`)} order=${order} sortBy=${sortBy} />`)}
          </tr>
        </thead>
        <tbody>
          ${entries.map((entry) => {
            const key = keyOf(entry);
            return html`
              <${Fragment} key=${key}>
                <${Line} entry=${entry} columns=${columns} canPick=${entries.length > 1} picked=${picked.includes(key)} pick=${() => pick(key)} opened=${opened.has(key)} toggle=${() => toggle(key)} />
                ${opened.has(key) && html`<tr><td colspan=${columns.length + 1}><${ByBenchmark} entry=${entry} filter=${filter} k=${k} /></td></tr>`}
              </${Fragment}>
            `;
          })}
        </tbody>
      </table>
    </div>
  `;
}

const setOfEntry = ({ agent, settingsHash, model }, within) => ({
  ...within,
  name: settingsHash ? `${agent} (${model ?? "settings"}, ${settingsHash.slice(0, 8)})` : agent,
  agents: [agent],
  ...(settingsHash && { settingsHashes: [settingsHash] }),
});

function Compare({ picked, within }) {
  const [baseline, candidate] = picked;
  const compare = () => go(comparisonOf(setOfEntry(baseline, within), setOfEntry(candidate, within)));
  return html`
      <button type="button" disabled=${picked.length < 2} onClick=${compare}>Compare</button>
      <span class="quiet" role="status">${candidate ? html`<${Name} text=${candidate.agent} /> against <${Name} text=${baseline.agent} />` : "Choose two lines: the first is the baseline."}</span>
  `;
}

function Line({ entry, columns, canPick, picked, pick, opened, toggle }) {
  const { agent, settingsHash, settingsSummary, model, benchmarks, isPartial, figures } = entry;
  return html`
    <tr>
      ${canPick && html`<td><input type="checkbox" aria-label=${`Compare ${agent} ${settingsSummary ?? model ?? ""}`} checked=${picked} onChange=${pick} /></td>`}
      <th scope="row">
        <button type="button" class="plain" aria-expanded=${String(opened)} aria-label=${`${agent} by benchmark`} onClick=${toggle}>${opened ? "▾" : "▸"}</button>
        <${Link} href=${`/agents/${encodeURIComponent(agent)}`}><${Name} text=${agent} /></${Link}>
        <p class="quiet"><${Settings} hash=${settingsHash} summary=${settingsSummary ?? model} /></p>
      </th>
      <td><${SolveRate} figures=${figures} label=${`Solve rate of ${agent}`} /><${Excluded} excluded=${figures.excluded} /></td>
      <td><${MeanWithInterval} figures=${figures} agent=${agent} /></td>
      <td>${format.count(benchmarks)}${isPartial && html` <span class="issue" title="Another line has attempts at more benchmarks.">◐ partial</span>`}</td>
      ${columns.slice(4).map(([, title, shown]) => html`<td key=${title}>${shown(figures)}</td>`)}
    </tr>
  `;
}

function MeanWithInterval({ figures: { meanScore, meanScoreInterval: interval }, agent }) {
  if (meanScore == null) return html`<span class="quiet">${format.UNKNOWN}</span>`;
  if (!interval)
    return html`<span class="rate"><${Score} value=${meanScore} /> <span class="quiet" title="An interval needs 10 scores at least.">too few for an interval</span></span>`;
  const words = `${format.score(meanScore)}, 95 % interval ${format.interval(interval)}`;
  return html`
    <span class="rate">
      <${Score} value=${meanScore} />
      <${IntervalBar} value=${meanScore} ends=${interval} label=${`Mean score of ${agent}: ${words}`} />
      <span class="quiet" aria-hidden="true">${bounds(interval)}</span>
    </span>
  `;
}
