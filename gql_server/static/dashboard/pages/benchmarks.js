// All benchmarks, live, and the way to new ones: sync the directory, or write one here.
import * as format from "../format.js";
import { html } from "../html.js";
import { benchmarkFilter, benchmarksOf, FIRST_PAGE } from "../list_address.js";
import { useLiveQuery } from "../live_query.js";
import { BenchmarkFilters } from "../parts/benchmark_filters.js";
import { Doing } from "../parts/doing.js";
import { Editor } from "../parts/editor.js";
import { useAfterEnds } from "../parts/ends.js";
import { Nothing } from "../parts/nothing.js";
import { Shown } from "../parts/notices.js";
import { Pager } from "../parts/pager.js";
import { askToRun } from "../parts/run_dialog.js";
import { SyncButton } from "../parts/sync.js";
import { go, Link, usePage, useSearch } from "../router.js";

// One on this page is drawn anew at once. Which others belong to it the server knows: `changes` counts reasons to ask.
const STREAM = {
  document: "benchmark_updates",
  since: (answer) => ({ after: answer.benchmarks.updatesCursor }),
  resume: (data) => ({ after: data.benchmarkUpdates.cursor }),
  apply: (answer, { benchmarkUpdates: { benchmark, benchmarkId } }) => {
    if (!benchmarkId) return answer;
    const nodes = answer.benchmarks.nodes.map((known) =>
      known.id === benchmark?.id && known.revision <= benchmark.revision ? benchmark : known,
    );
    return {
      ...answer,
      benchmarks: { ...answer.benchmarks, nodes },
      changes: (answer.changes ?? 0) + 1,
    };
  },
};

const EXAMPLE = `id: my-benchmark
description: What it tests, in a sentence.
tags: [sol, transfer]
prompt: Please send 0.1 SOL to RECIPIENT_WALLET_PUBKEY.
initial_state:
  - pubkey: USER_WALLET_PUBKEY
    owner: "11111111111111111111111111111111"
    lamports: 1000000000
  - pubkey: RECIPIENT_WALLET_PUBKEY
    owner: "11111111111111111111111111111111"
    lamports: 0
ground_truth:
  final_state_assertions:
    - type: SolBalance
      pubkey: RECIPIENT_WALLET_PUBKEY
      expected: 100000000
      weight: 1.0
`;

export function BenchmarksPage() {
  const heading = usePage("Benchmarks");
  const [search, change] = useSearch();
  const question = benchmarksOf(search);
  const live = useLiveQuery({
    key: JSON.stringify(question),
    query: "benchmarks",
    variables: question,
    streams: [STREAM],
  });
  useAfterEnds(live.data?.changes, live.refresh);
  return html`
    <h1 ref=${heading} tabindex="-1">Benchmarks</h1>
    ${
      search.edit === "new"
        ? html`<${Editor} source=${EXAMPLE} done=${(id) => go(`/benchmarks/${id}`)} close=${() => change({ edit: null })} />`
        : null
    }
    <${Shown} live=${live} what="benchmarks">
      ${(answer) => html`<${List} answer=${answer} search=${search} change=${change} />`}
    </${Shown}>
  `;
}

function List({ answer: { benchmarks, benchmarkTags, agents }, search, change }) {
  const narrow = (changes) => change({ ...changes, ...FIRST_PAGE });
  const { nodes, totalCount } = benchmarks;
  const all = { filter: benchmarkFilter({ ...search, archived: null }), total: totalCount };
  return html`
    <${BenchmarkFilters} filter=${search} tags=${benchmarkTags} narrow=${narrow}>
      <label class="switch"><input type="checkbox" checked=${search.archived === "1"} onChange=${(event) => narrow({ archived: event.target.checked ? "1" : null })} /> Archived too</label>
      <${Doing} disabled=${totalCount === 0 || search.archived === "1"} title=${search.archived === "1" ? "What is archived cannot be run." : undefined} onClick=${() => askToRun(all, agents)}>Run all ${format.count(totalCount)}</${Doing}>
      <button type="button" onClick=${() => change({ edit: "new" }, {})}>Write a benchmark</button>
      <${SyncButton} />
    </${BenchmarkFilters}>
    <${Pager} connection=${benchmarks} one="benchmark" change=${change} />
    ${
      nodes.length === 0
        ? html`<${Nothing} what="benchmark" title=${search.archived === "1" ? undefined : "There are no benchmarks"} filters=${["text", "tag", "state", "solved"]}><p>Put YAML files into the benchmarks directory and sync, or write one here. <code>reev-gql init</code> writes examples to begin with.</p>${search.archived !== "1" && html`<p class="quiet">What is archived is shown with <em>Archived too</em>.</p>`}</${Nothing}>`
        : html`<${Table} benchmarks=${nodes} />`
    }
    ${nodes.length > 20 && html`<${Pager} connection=${benchmarks} one="benchmark" change=${change} quiet />`}
  `;
}

const Table = ({ benchmarks }) => html`
  <div class="table-frame" tabindex="0" role="region" aria-label="Benchmarks">
    <table>
      <thead><tr><th scope="col">Benchmark</th><th scope="col">Tags</th><th scope="col">Revision</th><th scope="col">Local runner</th></tr></thead>
      <tbody>
        ${benchmarks.map(
          (benchmark) => html`
            <tr key=${benchmark.id}>
              <th scope="row"><${Link} href=${`/benchmarks/${benchmark.id}`}>${benchmark.id}</${Link}> ${benchmark.archivedAt && html`<span class="tag">archived</span>`}<p class="quiet">${benchmark.description}</p></th>
              <td>${benchmark.tags.map((name) => html`<span key=${name} class="tag">${name}</span> `)}</td>
              <td>${benchmark.revision}</td>
              <td>${benchmark.runnableLocally ? html`✓ yes` : html`<span class="quiet">✕ ${benchmark.whyNotRunnableLocally}</span>`}</td>
            </tr>
          `,
        )}
      </tbody>
    </table>
  </div>
`;
