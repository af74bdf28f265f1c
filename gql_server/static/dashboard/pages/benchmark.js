// One benchmark: what it asks, what it starts from and what must be true afterwards; its text, its past, its results.
import { html } from "../html.js";
import { useLiveQuery } from "../live_query.js";
import { Age, Fact, Panel, Scores, Solved, Status, Tabs } from "../parts/basics.js";
import { ArchiveButton, Archived } from "../parts/archive.js";
import { Board } from "../parts/board.js";
import { Definition } from "../parts/definition.js";
import { Editor } from "../parts/editor.js";
import { Name } from "../parts/name.js";
import { Empty, Shown } from "../parts/notices.js";
import { Rest } from "../parts/pager.js";
import { kOf } from "../parts/pass_k.js";
import { Revisions } from "../parts/revisions.js";
import { RunWith } from "../parts/run_with.js";
import { Text } from "../parts/text.js";
import { go, Link, usePage, useSearch } from "../router.js";

const TABS = [
  ["definition", "Definition"],
  ["yaml", "YAML"],
  ["revisions", "Revisions"],
  ["results", "Results"],
];

export function BenchmarkPage({ id }) {
  const heading = usePage(id);
  const [search, change] = useSearch();
  const { tab = "definition", edit } = search;
  const k = kOf(search);
  const stream = {
    document: "benchmark_updates",
    resume: (data) => ({ after: data.benchmarkUpdates.cursor }),
    apply: (answer, { benchmarkUpdates: { benchmark } }) =>
      benchmark?.id === id && isNews(benchmark, answer.benchmark) ? { ...answer, newest: benchmark } : answer,
  };
  const live = useLiveQuery({
    key: `${id} ${k}`,
    query: "benchmark",
    variables: { id, k },
    streams: [stream],
  });
  return html`
    <h1 ref=${heading} tabindex="-1">${id}</h1>
    ${live.data?.newest && html`<p class="issue" role="status">${newsOf(live.data)} <button type="button" onClick=${live.reload}>Show it</button></p>`}
    <${Shown} live=${live} what="the benchmark">
      ${({ benchmark, agents, leaderboard, newest }) => {
        if (!benchmark) return html`<${Missing} id=${id} />`;
        if (edit)
          return html`<${Editor} id=${id} revision=${benchmark.revision} newest=${newest?.revision} source=${benchmark.source} close=${() => change({ edit: null })} done=${(
            stored,
          ) => {
            if (stored === id) {
              change({ edit: null });
              live.reload();
            } else go(`/benchmarks/${stored}`);
          }} />`;
        return html`<${Benchmark} benchmark=${benchmark} agents=${agents} leaderboard=${leaderboard} k=${live.asked.k} tab=${tab} change=${change} reload=${live.reload} />`;
      }}
    </${Shown}>
  `;
}

const isNews = (benchmark, shown) =>
  benchmark.revision > (shown?.revision ?? 0) ||
  (benchmark.revision === shown.revision && benchmark.archivedAt !== shown.archivedAt);

function newsOf({ benchmark, newest }) {
  if (newest.revision > (benchmark?.revision ?? 0)) return "There is a newer revision.";
  return newest.archivedAt ? "It was archived." : "It was restored.";
}

const Missing = ({ id }) => html`
  <${Empty} title="There is no such benchmark">
    <p><code>${id}</code> is not known here. New files are read with <code>reev-gql sync</code>. <${Link} href="/benchmarks">All benchmarks</${Link}></p>
  </${Empty}>
`;

function Benchmark({ benchmark, agents, leaderboard, k, tab, change, reload }) {
  const chosen = TABS.some(([id]) => id === tab) ? tab : "definition";
  return html`
    ${benchmark.archivedAt && html`<${Archived} benchmark=${benchmark} done=${reload} />`}
    <section class="surface" aria-label="Summary">
      <p>${benchmark.description}</p>
      <p>${benchmark.tags.map((name) => html`<${Link} key=${name} class="tag" href=${`/?tag=${encodeURIComponent(name)}`}>${name}</${Link}> `)}</p>
      <dl class="facts">
        <${Fact} name="Revision">${benchmark.revision}</${Fact}>
        <${Fact} name="Changed"><${Age} iso=${benchmark.revisedAt} /></${Fact}>
        <${Fact} name="File">${benchmark.sourcePath ? html`<code>${benchmark.sourcePath}</code>: syncs read it from there` : "none: it is stored in the database alone"}</${Fact}>
        <${Fact} name="Local runner">${benchmark.runnableLocally ? "can execute it" : benchmark.whyNotRunnableLocally}</${Fact}>
        <${Fact} name="Reference answer">${benchmark.referenceAnswer.exists ? "exists" : `none: ${benchmark.referenceAnswer.reason}`}</${Fact}>
      </dl>
      ${benchmark.remarks.map(({ path, message }) => html`<p key=${path} class="issue"><code>${path}</code> ${message}</p>`)}
      <div class="buttons">
        ${!benchmark.archivedAt && html`<${RunWith} id=${benchmark.id} agents=${agents} />`}
        <button type="button" onClick=${() => change({ edit: "1" }, {})}>Edit</button>
        ${!benchmark.archivedAt && html`<${ArchiveButton} id=${benchmark.id} done=${reload} />`}
      </div>
    </section>
    <${Tabs} label="Parts of the benchmark" tabs=${TABS} chosen=${chosen} choose=${(id) => change({ tab: id })} />
    <${Panel} id=${chosen}><${Part} tab=${chosen} benchmark=${benchmark} leaderboard=${leaderboard} k=${k} change=${change} /></${Panel}>
  `;
}

function Part({ tab, benchmark, leaderboard, k, change }) {
  switch (tab) {
    case "yaml":
      return html`<${Text} text=${benchmark.source} name="definition" />`;
    case "revisions":
      return html`<${Revisions} benchmark=${benchmark} change=${change} />`;
    case "results":
      return html`<${Results} benchmark=${benchmark} leaderboard=${leaderboard} k=${k} />`;
    default:
      return html`<${Definition} benchmark=${benchmark} />`;
  }
}

function Results({ benchmark: { id, latestExecutions }, leaderboard, k }) {
  const { entries } = leaderboard;
  if (entries.length === 0 && latestExecutions.length === 0)
    return html`<p class="quiet">It was never executed.</p>`;
  return html`
    ${entries.length > 0 && html`<${Board} entries=${entries} k=${k} within=${{ benchmarkIds: [id] }} filter=${{ benchmarkIds: [id] }} />`}
    <${Rest} leaderboard=${leaderboard} search=${`?benchmark=${encodeURIComponent(id)}`} />
    <h2>Newest executions</h2>
    <ul class="plain-list">
      ${latestExecutions.map(
        (execution) => html`
          <li key=${execution.agent}>
            <${Link} href=${`/executions/${execution.id}`}><${Name} text=${execution.agent} /></${Link}>
            ${" "}<${Solved} solved=${execution.solved} /> <${Scores} execution=${execution} /> <${Status} status=${execution.status} />
          </li>
        `,
      )}
    </ul>
    <p><${Link} href=${`/executions?benchmark=${encodeURIComponent(id)}`}>All executions of it</${Link}></p>
  `;
}
