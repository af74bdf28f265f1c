// Two sets of attempts side by side: which one is better, how sure that is, and at which benchmarks.
import { setOf, setWords } from "../comparison_address.js";
import * as format from "../format.js";
import { html, useMemo } from "../html.js";
import { useLiveQuery } from "../live_query.js";
import { Fact, Score } from "../parts/basics.js";
import { Empty, Shown } from "../parts/notices.js";
import { InPieces } from "../parts/pieces.js";
import { Excluded, IntervalBar, SolveRate } from "../parts/rates.js";
import { Link, usePage, useSearch } from "../router.js";

export function CompareSetsPage() {
  const heading = usePage("Comparison");
  const [search] = useSearch();
  const [baseline, candidate] = useMemo(
    () => [setOf(search.baseline), setOf(search.candidate)],
    [search.baseline, search.candidate],
  );
  return html`
    <h1 ref=${heading} tabindex="-1">Comparison</h1>
    ${
      baseline && candidate
        ? html`<${Compared} baseline=${baseline} candidate=${candidate} />`
        : html`<${Empty} title="This address names no two sets"><p>Choose two lines of the <${Link} href="/leaderboard">leaderboard</${Link}>, or two <${Link} href="/batches">batches</${Link}>.</p></${Empty}>`
    }
  `;
}

function Compared({ baseline, candidate }) {
  const live = useLiveQuery({
    key: JSON.stringify([baseline, candidate]),
    query: "attempt_comparison",
    variables: { baseline, candidate },
    streams: [],
  });
  return html`
    <${Shown} live=${live} what="the comparison">
      ${({ compareAttempts }) => html`<${Comparison} comparison=${compareAttempts} names=${[setWords(baseline), setWords(candidate)]} />`}
    </${Shown}>
  `;
}

const GRADES = { BETTER: "perfect", WORSE: "poor", CANNOT_TELL: "unknown" };
const SYMBOLS = { BETTER: "▲", WORSE: "▼", CANNOT_TELL: "≈" };
const bare = (value) => format.signed(value, (number) => (number * 100).toFixed(1));
const points = (value) => `${bare(value)} points`;

function Comparison({ comparison, names: [baselineName, candidateName] }) {
  const { verdict, sentence, baseline, candidate, benchmarks } = comparison;
  // The result comes first; what was left out or mixed follows it.
  const [, said, rest] = sentence.match(/^(.*?\.(?= |$)|.*)(.*)$/s);
  return html`
    <p class="verdict" data-grade=${GRADES[verdict]}><strong><span aria-hidden="true">${SYMBOLS[verdict]}</span> ${said}</strong>${rest}</p>
    <div class="columns">
      <${Side} title="Baseline" name=${baselineName} figures=${baseline} />
      <${Side} title="Candidate" name=${candidateName} figures=${candidate} />
    </div>
    <section class="surface" aria-label="Difference">
      <h2>Candidate − baseline, paired by benchmark</h2>
      <dl class="differences">
        <${Fact} name="Solve rate"><${Difference} what="Solve rate" value=${comparison.solveRateDifference} ends=${comparison.solveRateDifferenceInterval} /></${Fact}>
        <${Fact} name="Mean score"><${Difference} what="Mean score" value=${comparison.scoreDifference} ends=${comparison.scoreDifferenceInterval} /></${Fact}>
      </dl>
    </section>
    ${benchmarks.length > 0 && html`<${ByBenchmark} benchmarks=${benchmarks} />`}
    <${Only} title="Only the baseline has" ids=${comparison.onlyInBaseline} />
    <${Only} title="Only the candidate has" ids=${comparison.onlyInCandidate} />
  `;
}

const Side = ({ title, name, figures }) => html`
  <section class="surface" aria-label=${title}>
    <h2>${title}</h2>
    <p class="quiet">${name}</p>
    <p class="big"><${SolveRate} figures=${figures} label=${`Solve rate of the ${title.toLowerCase()}`} /></p>
    <dl class="facts">
      <${Fact} name="Mean score"><${Score} value=${figures.meanScore} /></${Fact}>
      <${Fact} name="Mean time">${format.duration(figures.meanTimeMs)}</${Fact}>
      <${Fact} name="Cost per attempt (USD)">${format.cost(figures.costPerAttempt)}</${Fact}>
    </dl>
    <${Excluded} excluded=${figures.excluded} />
  </section>
`;

function Difference({ what, value, ends }) {
  if (value == null) return html`<span class="quiet">${format.UNKNOWN}</span>`;
  const words = ends ? `95 % interval ${format.interval(ends, bare)} points` : "too few for an interval";
  return html`
    <span class="rate">
      <strong>${points(value)}</strong>
      <${IntervalBar} value=${value} ends=${ends} low=${-1} high=${1} label=${`${what}: ${points(value)}, ${words}`} />
      <span class="quiet">${words}</span>
    </span>
  `;
}

const ByBenchmark = ({ benchmarks }) => html`
  <h2>By benchmark</h2>
  <${InPieces} items=${benchmarks} one="benchmark">${(benchmarks) => html`
  <div class="table-frame" tabindex="0" role="region" aria-label="By benchmark">
    <table>
      <thead><tr><th scope="col">Benchmark</th><th scope="col">Baseline</th><th scope="col">Candidate</th><th scope="col">Difference of solve rates</th></tr></thead>
      <tbody>
        ${benchmarks.map(
          ({
            benchmarkId,
            revision,
            baseline,
            candidate,
            solveRateDifference,
            solveRateDifferenceInterval,
          }) => html`
            <tr key=${`${benchmarkId} ${revision}`}>
              <th scope="row"><${Link} href=${`/benchmarks/${encodeURIComponent(benchmarkId)}`}>${benchmarkId}</${Link}></th>
              <td><${SolveRate} figures=${baseline} label="Baseline" /></td>
              <td><${SolveRate} figures=${candidate} label="Candidate" /></td>
              <td><${Difference} what=${benchmarkId} value=${solveRateDifference} ends=${solveRateDifferenceInterval} /></td>
            </tr>
          `,
        )}
      </tbody>
    </table>
  </div>
  `}</${InPieces}>
`;

const Only = ({ title, ids }) =>
  ids.length > 0 &&
  html`<p><strong>${title}:</strong> ${ids.map((id) => html`<${Link} key=${id} href=${`/benchmarks/${encodeURIComponent(id)}`}>${id}</${Link}> `)}<span class="quiet">These count in neither difference.</span></p>`;
