// One agent: how it does over time, where it does well and where not, and how it reaches its model.
import * as format from "../format.js";
import { html, useMemo } from "../html.js";
import { useLiveQuery } from "../live_query.js";
import { AgentForm } from "../parts/agent_form.js";
import { Score } from "../parts/basics.js";
import { Board } from "../parts/board.js";
import { Chart, Distribution, tenths } from "../parts/chart.js";
import { ENDS_STREAM, useEnds } from "../parts/ends.js";
import { Empty, Shown } from "../parts/notices.js";
import { kOf } from "../parts/pass_k.js";
import { Rest } from "../parts/pager.js";
import { currentEntry, Excluded, solvedOf, SolveRate } from "../parts/rates.js";
import { go, Link, usePage, useSearch } from "../router.js";

const BUCKETS = [
  ["DAY", "days"],
  ["WEEK", "weeks"],
  ["MONTH", "months"],
];

// As many as documents/agent.graphql asks for.
const MOST_PERIODS = 120;
// In the address and in a list of choices there is no null.
const NO_SETTINGS = "none";

export function AgentPage({ name }) {
  const heading = usePage(name);
  const [search, change] = useSearch();
  const { by = "DAY" } = search;
  const k = kOf(search);
  const bucket = BUCKETS.some(([value]) => value === by) ? by : "DAY";
  const live = useLiveQuery({
    key: `${name} ${bucket} ${k}`,
    query: "agent",
    variables: { name, bucket, k },
    streams: [ENDS_STREAM({ agents: [name] })],
  });
  useEnds(live);
  return html`
    <h1 ref=${heading} tabindex="-1">${name}</h1>
    <${Shown} live=${live} what="the agent">
      ${({ agents, leaderboard }) => {
        const { entries } = leaderboard;
        const agent = agents.find((agent) => agent.name === name);
        if (!agent && entries.length === 0) return html`<${Missing} name=${name} />`;
        return html`
          <${Figures} entries=${entries} config=${agent?.config} k=${live.asked.k} bucket=${bucket} settings=${search.settings} change=${change} />
          <${Rest} leaderboard=${leaderboard} />
          <${Configuration} name=${name} agent=${agent} reload=${live.reload} />
        `;
      }}
    </${Shown}>
  `;
}

const Missing = ({ name }) => html`
  <${Empty} title="There is no such agent">
    <p><code>${name}</code> is not set up here, and no execution by it has ended. <${Link} href="/agents">All agents</${Link}></p>
  </${Empty}>
`;

function Configuration({ name, agent, reload }) {
  if (!agent)
    return html`<p class="quiet">This server cannot request executions with it; its executions were observed or imported.</p>`;
  if (!agent.usesModel)
    return html`<p class="quiet">It asks no model: it sends each benchmark's reference answer, which proves that the benchmark can be solved. There is nothing to configure.</p>`;
  return html`<${AgentForm} name=${name} config=${agent.config} saved=${reload} deleted=${() => go("/agents")} />`;
}

function Figures({ entries, config, k, bucket, settings, change }) {
  if (entries.length === 0) {
    return html`<${Empty} title="No execution by it has ended yet"><p>Start one from the <${Link} href="/">grid</${Link}>.</p></${Empty}>`;
  }
  const shown =
    entries.find(({ settingsHash }) => (settingsHash ?? NO_SETTINGS) === settings) ??
    currentEntry(entries, config) ??
    entries.toSorted((a, b) => (lastDay(a) < lastDay(b) ? 1 : -1))[0];
  return html`
    ${entries.length === 1 && html`<${Headline} figures=${shown.figures} />`}
    <h2>${entries.length > 1 ? `By each of its ${entries.length} settings or models` : "All figures"}</h2>
    <${Board} entries=${entries} k=${k} />
    <div class="filters">
      ${entries.length > 1 && html`<${Which} entries=${entries} shown=${shown} change=${change} />`}
      <label>Over <select value=${bucket} onChange=${(event) => change({ by: event.target.value })}>${BUCKETS.map(([value, words]) => html`<option key=${value} value=${value}>${words}</option>`)}</select></label>
    </div>
    <${Charts} entry=${shown} bucket=${bucket} />
  `;
}

const lastDay = ({ overTime }) => overTime.at(-1)?.start ?? "";

// Two settings share no curve: one of them is drawn.
const Which = ({ entries, shown, change }) => html`
  <label>Settings
    <select value=${shown.settingsHash ?? NO_SETTINGS} onChange=${(event) => change({ settings: event.target.value })}>
      ${entries.map(({ settingsHash, settingsSummary, model }) => {
        const words = settingsSummary ?? model ?? (settingsHash ? "settings" : "no model settings");
        return html`<option key=${settingsHash} value=${settingsHash ?? NO_SETTINGS} selected=${settingsHash === shown.settingsHash}>${format.shortened(words, 48)} ${settingsHash?.slice(0, 8)}</option>`;
      })}
    </select>
  </label>
`;

function Charts({ entry, bucket }) {
  const points = useMemo(() => series(entry), [entry]);
  return html`
    ${entry.overTime.length >= MOST_PERIODS && html`<p class="quiet">The newest ${MOST_PERIODS} ${BUCKETS.find(([value]) => value === bucket)[1]} with executions; longer periods reach further back.</p>`}
    <div class="columns">
      <${Chart} title="Solve rate" period=${bucket} points=${points.solved} format=${format.share} max=${1} />
      <${Chart} title="Mean score" period=${bucket} points=${points.score} format=${format.share} max=${1} />
      <${Chart} title="Mean execution time" period=${bucket} points=${points.time} format=${format.duration} />
      <${Distribution} title="Benchmarks by solve rate, in percent" bins=${points.tenths} what="benchmarks" />
      <${Ranking} title="Best benchmarks" rows=${points.ranked.slice(0, RANKED)} none="None was attempted." />
      <${Ranking} title="Worst benchmarks" rows=${worst(points.ranked)} none="There is none with an attempt that was not solved." />
    </div>
  `;
}

const Headline = ({ figures }) => html`
  <section class="surface" aria-label="Figures">
    <p class="big"><${SolveRate} figures=${figures} /></p>
    <p>mean score <${Score} value=${figures.meanScore} /> <span class="quiet">· ${format.duration(figures.meanTimeMs)} on average</span></p>
    <${Excluded} excluded=${figures.excluded} />
  </section>
`;

const RANKED = 5;

const worst = (ranked) =>
  ranked
    .filter(({ solveRate }) => solveRate < 1)
    .slice(-RANKED)
    .reverse();

function series({ overTime, byBenchmark }) {
  const tried = byBenchmark
    .map(({ benchmarkId, revision, figures }) => ({ benchmarkId, revision, ...figures }))
    .filter(({ attempts }) => attempts > 0);
  const over = (field) => overTime.map(({ start, figures }) => [start, figures[field], figures.attempts]);
  return {
    score: over("meanScore"),
    solved: over("solveRate"),
    time: over("meanTimeMs"),
    tenths: tenths(tried.map(({ solveRate }) => solveRate)),
    ranked: tried.sort((a, b) => b.solveRate - a.solveRate || (b.meanScore ?? 0) - (a.meanScore ?? 0)),
  };
}

const Ranking = ({ title, rows, none }) => html`
  <section class="surface" aria-label=${title}>
    <h2>${title}</h2>
    ${
      rows.length === 0
        ? html`<p class="quiet">${none}</p>`
        : html`<ol class="ranking">${rows.map((row) => html`<li key=${`${row.benchmarkId} ${row.revision}`}><${Link} href=${`/benchmarks/${row.benchmarkId}`}>${row.benchmarkId}</${Link}> <strong class="score" data-grade=${format.grade(row.solveRate)}>${solvedOf(row)}</strong> <span class="quiet">mean score ${format.score(row.meanScore)}${row.revision > 1 && ` · revision ${row.revision}`}</span></li>`)}</ol>`
    }
  </section>
`;
