// All benchmarks, live, and the way to new ones: sync the directory, or write one here.
import { html, useMemo } from "../html.js";
import { useLiveQuery } from "../live_query.js";
import { Editor } from "../parts/editor.js";
import { Empty, Shown } from "../parts/notices.js";
import { SyncButton } from "../parts/sync.js";
import { go, Link, usePage, useSearch } from "../router.js";

const STREAM = {
  document: "benchmark_updates",
  since: (answer) => ({ after: answer.benchmarks.updatesCursor }),
  resume: (data) => ({ after: data.benchmarkUpdates.cursor }),
  apply: (answer, { benchmarkUpdates: { benchmark } }) => {
    if (!benchmark) return answer;
    const others = answer.benchmarks.nodes.filter(({ id }) => id !== benchmark.id);
    const nodes = [...others, benchmark].sort((a, b) => (a.id < b.id ? -1 : 1));
    return { ...answer, benchmarks: { nodes } };
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
  const [{ edit, text, tag, archived }, change] = useSearch();
  const live = useLiveQuery({ key: "benchmarks", query: "benchmarks", streams: [STREAM] });
  return html`
    <h1 ref=${heading} tabindex="-1">Benchmarks</h1>
    ${
      edit === "new"
        ? html`<${Editor} source=${EXAMPLE} done=${(id) => go(`/benchmarks/${id}`)} close=${() => change({ edit: null })} />`
        : null
    }
    <${Shown} live=${live} what="benchmarks">
      ${({ benchmarks: { nodes } }) => html`<${List} nodes=${nodes} text=${text} tag=${tag} archived=${archived} change=${change} />`}
    </${Shown}>
  `;
}

function List({ nodes, text, tag, archived, change }) {
  const shown = useMemo(
    () => nodes.filter((benchmark) => fits(benchmark, { text, tag, archived })),
    [nodes, text, tag, archived],
  );
  const tags = useMemo(() => [...new Set(nodes.flatMap((benchmark) => benchmark.tags))].sort(), [nodes]);
  return html`
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <label>Text <input type="search" placeholder="id or description" value=${text ?? ""} onInput=${(event) => change({ text: event.target.value })} /></label>
      <label>Tag
        <select value=${tag ?? ""} onChange=${(event) => change({ tag: event.target.value })}>
          <option value="">any</option>${tags.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
        </select>
      </label>
      <label class="switch"><input type="checkbox" checked=${archived === "1"} onChange=${(event) => change({ archived: event.target.checked ? "1" : null })} /> Archived too</label>
      <button type="button" onClick=${() => change({ edit: "new" }, {})}>Write a benchmark</button>
      <${SyncButton} />
    </form>
    ${
      shown.length === 0
        ? html`<${Empty} title="No benchmark fits"><p>Put YAML files into the benchmarks directory and sync, or write one here.</p></${Empty}>`
        : html`<${Table} benchmarks=${shown} />`
    }
  `;
}

function fits(benchmark, { text, tag, archived }) {
  if (benchmark.archivedAt && archived !== "1") return false;
  if (tag && !benchmark.tags.includes(tag)) return false;
  return !text || `${benchmark.id} ${benchmark.description}`.toLowerCase().includes(text.toLowerCase());
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
