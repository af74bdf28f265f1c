// One agent: how it does over time, where it does well and where not, and how it reaches its model.
import * as format from "../format.js";
import { html, useMemo } from "../html.js";
import { useLiveQuery } from "../live_query.js";
import { AgentConfig } from "../parts/agent_config.js";
import { Fact, Score } from "../parts/basics.js";
import { Chart, Distribution } from "../parts/chart.js";
import { ENDS_STREAM, useEnds } from "../parts/ends.js";
import { Empty, Shown } from "../parts/notices.js";
import { Link, usePage, useSearch } from "../router.js";

const BUCKETS = [
  ["DAY", "days"],
  ["WEEK", "weeks"],
  ["MONTH", "months"],
];

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
  if (name === "deterministic")
    return html`<p class="quiet">It asks no model, so there is nothing to configure.</p>`;
  return html`<${AgentConfig} name=${name} config=${agent.config} saved=${reload} />`;
}

function Figures({ figures, bucket, change }) {
  const points = useMemo(() => (figures ? series(figures.overTime) : null), [figures]);
  if (!figures?.executions) {
    return html`<${Empty} title="No execution by it has ended yet"><p>Start one from the <${Link} href="/">grid</${Link}>.</p></${Empty}>`;
  }
  const { recomputed, reported, executionTime, missing } = figures;
  return html`
    <section class="surface" aria-label="Figures">
      <dl class="facts">
        <${Fact} name="Ended executions">${format.count(figures.executions)}</${Fact}>
        <${Fact} name="Success rate">${format.share(figures.successRate)}</${Fact}>
        <${Fact} name="Mean score, computed"><${Score} value=${recomputed.mean} /></${Fact}>
        <${Fact} name="Mean score, reported"><${Score} value=${reported.mean} /></${Fact}>
        <${Fact} name="Best / latest"><${Score} value=${recomputed.best} /> / <${Score} value=${recomputed.latest} /></${Fact}>
        <${Fact} name="Mean time">${format.duration(executionTime.meanMs)}</${Fact}>
        <${Fact} name="95th percentile">${format.duration(executionTime.p95Ms)}</${Fact}>
        <${Fact} name="Without a computed score">${format.count(missing.recomputedScore)}</${Fact}>
        <${Fact} name="Without a reported score">${format.count(missing.reportedScore)}</${Fact}>
        <${Fact} name="Without a known time">${format.count(missing.executionTime)}</${Fact}>
      </dl>
    </section>
    <div class="filters">
      <label>Over <select value=${bucket} onChange=${(event) => change({ by: event.target.value })}>${BUCKETS.map(([value, words]) => html`<option key=${value} value=${value}>${words}</option>`)}</select></label>
    </div>
    <div class="columns">
      <${Chart} title="Mean score" points=${points.score} format=${format.share} max=${1} />
      <${Chart} title="Success rate" points=${points.success} format=${format.share} max=${1} />
      <${Chart} title="Mean execution time" points=${points.time} format=${format.duration} />
      <${Distribution} title="Benchmarks by latest score, in percent" values=${figures.byBenchmark.map(({ latestScore }) => latestScore).filter((value) => value != null)} />
      <${Ranking} title="Best benchmarks" rows=${figures.bestBenchmarks} />
      <${Ranking} title="Worst benchmarks" rows=${figures.worstBenchmarks} />
    </div>
  `;
}

const series = (buckets) => ({
  score: buckets.map((bucket) => [bucket.start, bucket.meanRecomputed ?? bucket.meanScore]),
  success: buckets.map((bucket) => [bucket.start, bucket.successRate]),
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
