// One agent: how it does over time, where it does well and where not, and how it reaches its model.
import * as format from "../format.js";
import { html, useMemo } from "../html.js";
import { useLiveQuery } from "../live_query.js";
import { AgentForm } from "../parts/agent_form.js";
import { Fact, Score } from "../parts/basics.js";
import { Chart, Distribution } from "../parts/chart.js";
import { ENDS_STREAM, useEnds } from "../parts/ends.js";
import { Empty, Shown } from "../parts/notices.js";
import { go, Link, usePage, useSearch } from "../router.js";

const BUCKETS = [
  ["DAY", "days"],
  ["WEEK", "weeks"],
  ["MONTH", "months"],
];

// Why an execution says nothing about its agent.
const REASONS = {
  STOPPED: "stopped",
  LOST: "lost",
  LAUNCH: "whose runner could not be started",
  RUNNER_EXIT: "whose runner ended with an error",
  RESULT_MISSING: "without a session file",
  RESULT_UNREADABLE: "with a damaged session file",
  RESULT_MISMATCH: "with the session file of another",
  NOT_RUNNABLE: "that the runner cannot execute",
  TIMEOUT: "out of time before the runner began",
  ENDPOINT: "whose model's endpoint failed",
};

export function AgentPage({ name }) {
  const heading = usePage(name);
  const [{ by = "DAY" }, change] = useSearch();
  const bucket = BUCKETS.some(([value]) => value === by) ? by : "DAY";
  const live = useLiveQuery({
    key: `${name} ${bucket}`,
    query: "agent",
    variables: { name, bucket },
    streams: [ENDS_STREAM({ agents: [name] })],
  });
  useEnds(live);
  return html`
    <h1 ref=${heading} tabindex="-1">${name}</h1>
    <${Shown} live=${live} what="the agent">
      ${({ agents, agentPerformance: [figures] }) => html`
        <${Figures} figures=${figures} bucket=${bucket} change=${change} />
        <${Configuration} name=${name} agent=${agents.find((agent) => agent.name === name)} reload=${live.reload} />
      `}
    </${Shown}>
  `;
}

function Configuration({ name, agent, reload }) {
  if (!agent)
    return html`<p class="quiet">This server cannot request executions with it; its executions were observed or imported.</p>`;
  if (!agent.usesModel)
    return html`<p class="quiet">It asks no model: it sends each benchmark's reference answer, which proves that the benchmark can be solved. There is nothing to configure.</p>`;
  return html`<${AgentForm} name=${name} config=${agent.config} saved=${reload} deleted=${() => go("/agents")} />`;
}

function Figures({ figures, bucket, change }) {
  const points = useMemo(() => (figures ? series(figures.overTime) : null), [figures]);
  if (!figures?.executions) {
    return html`<${Empty} title="No execution by it has ended yet"><p>Start one from the <${Link} href="/">grid</${Link}>.</p></${Empty}>`;
  }
  const { recomputed, reported, executionTime, missing, solveRateInterval: interval } = figures;
  return html`
    <section class="surface" aria-label="Figures">
      <dl class="facts">
        <${Fact} name="Ended executions">${format.count(figures.executions)}</${Fact}>
        <${Fact} name="Counted as attempts">${format.count(figures.attempts)}</${Fact}>
        <${Fact} name="Solved">${format.count(figures.solved)} <span class="quiet">${format.share(figures.solveRate)}${interval && `, 95 % interval ${format.share(interval.low)} to ${format.share(interval.high)}`}</span></${Fact}>
        <${Fact} name="Mean score, computed"><${Score} value=${figures.meanComputedScore} /></${Fact}>
        <${Fact} name="Mean score, reported"><${Score} value=${reported.mean} /></${Fact}>
        <${Fact} name="Best / latest"><${Score} value=${recomputed.best} /> / <${Score} value=${recomputed.latest} /></${Fact}>
        <${Fact} name="Mean time">${format.duration(executionTime.meanMs)}</${Fact}>
        <${Fact} name="95th percentile">${format.duration(executionTime.p95Ms)}</${Fact}>
        <${Fact} name="Without a computed score">${format.count(missing.recomputedScore)}</${Fact}>
        <${Fact} name="Without a reported score">${format.count(missing.reportedScore)}</${Fact}>
        <${Fact} name="Without a known time">${format.count(missing.executionTime)}</${Fact}>
      </dl>
      ${figures.excluded.length > 0 && html`<p class="quiet">Not counted as attempts: ${figures.excluded.map(({ reason, executions }) => `${format.count(executions)} ${REASONS[reason] ?? reason}`).join(", ")}.</p>`}
    </section>
    <div class="filters">
      <label>Over <select value=${bucket} onChange=${(event) => change({ by: event.target.value })}>${BUCKETS.map(([value, words]) => html`<option key=${value} value=${value}>${words}</option>`)}</select></label>
    </div>
    <div class="columns">
      <${Chart} title="Mean score" points=${points.score} format=${format.share} max=${1} />
      <${Chart} title="Solve rate" points=${points.solved} format=${format.share} max=${1} />
      <${Chart} title="Mean execution time" points=${points.time} format=${format.duration} />
      <${Distribution} title="Benchmarks by latest score, in percent" values=${figures.byBenchmark.map(({ latestScore }) => latestScore).filter((value) => value != null)} />
      <${Ranking} title="Best benchmarks" rows=${figures.bestBenchmarks} />
      <${Ranking} title="Worst benchmarks" rows=${figures.worstBenchmarks} />
    </div>
  `;
}

const series = (buckets) => ({
  score: buckets.map((bucket) => [bucket.start, bucket.meanComputedScore ?? bucket.meanScore]),
  solved: buckets.map((bucket) => [bucket.start, bucket.solveRate]),
  time: buckets.map((bucket) => [bucket.start, bucket.meanExecutionTimeMs]),
});

const Ranking = ({ title, rows }) => html`
  <section class="surface" aria-label=${title}>
    <h2>${title}</h2>
    ${
      rows.length === 0
        ? html`<p class="quiet">None has a score.</p>`
        : html`<ol class="ranking">${rows.map((row) => html`<li key=${row.benchmarkId}><${Link} href=${`/benchmarks/${row.benchmarkId}`}>${row.benchmarkId}</${Link}> <${Score} value=${row.latestScore} /> <span class="quiet">${row.executions} ended</span></li>`)}</ol>`
    }
  </section>
`;
