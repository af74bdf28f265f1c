// All batches, newest first: how far each has come, and what was solved of it.
import { ask } from "../api.js";
import * as format from "../format.js";
import { html, useMemo } from "../html.js";
import { useLiveQuery } from "../live_query.js";
import { comparisonOf } from "../comparison_address.js";
import { Age, Score } from "../parts/basics.js";
import { batchName, BatchState } from "../parts/batch_state.js";
import { ENDS_STREAM, useEnds } from "../parts/ends.js";
import { SearchField } from "../parts/field.js";
import { Tags } from "../parts/labels.js";
import { attempt, Empty, Shown } from "../parts/notices.js";
import { SolvedOf } from "../parts/rates.js";
import { Link, usePage, useSearch } from "../router.js";

const PAGE = 50;

export function BatchesPage() {
  const heading = usePage("Batches");
  const [search, change] = useSearch();
  const { text, tag, status, compare } = search;
  const key = JSON.stringify([text, tag, status]);
  const filter = useMemo(
    () => ({ text: text || null, tags: tag ? [tag] : null, statuses: status ? [status] : null }),
    [key],
  );
  const live = useLiveQuery({
    key,
    query: "batches",
    variables: { filter, first: PAGE },
    streams: [ENDS_STREAM()],
  });
  useEnds(live);
  return html`
    <h1 ref=${heading} tabindex="-1">${compare ? "Choose a batch to compare with" : "Batches"}</h1>
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <${SearchField} label="Text" placeholder="name or note" value=${text} change=${(text) => change({ text })} />
      <${SearchField} label="Tag" placeholder="key or key=value" value=${tag} change=${(tag) => change({ tag })} />
      <label>State
        <select value=${status ?? ""} onChange=${(event) => change({ status: event.target.value })}>
          <option value="">any</option>
          <option value="RUNNING">Running</option>
          <option value="COMPLETED">Completed</option>
        </select>
      </label>
    </form>
    <${Shown} live=${live} what="batches">
      ${({ batches }) => html`<${List} batches=${batches} compare=${compare} more=${() => more(live, filter)} />`}
    </${Shown}>
  `;
}

async function more({ data, change }, filter) {
  const after = data.batches.pageInfo.endCursor;
  const page = await attempt(() => ask("batches", { filter, first: PAGE, after }));
  if (!page) return;
  change(({ batches, ...answer }) => ({
    ...answer,
    batches: { ...page.batches, nodes: [...batches.nodes, ...page.batches.nodes] },
  }));
}

function List({ batches: { nodes, totalCount, pageInfo }, compare, more }) {
  if (nodes.length === 0)
    return html`<${Empty} title="No batch fits"><p>Run a row or a column of the <${Link} href="/">grid</${Link}>, or use <code>reev-gql run --all</code>. What is run together is a batch.</p></${Empty}>`;
  return html`
    <p class="quiet" role="status">${totalCount === 1 ? "1 batch" : `${format.count(totalCount)} batches`}</p>
    <div class="table-frame" tabindex="0" role="region" aria-label="Batches">
      <table>
        <thead><tr><th scope="col">Batch</th><th scope="col">State</th><th scope="col">Solved</th><th scope="col">Mean score</th><th scope="col">Requested</th>${compare && html`<th scope="col">Compare</th>`}</tr></thead>
        <tbody>${nodes.map((batch) => html`<${Row} key=${batch.id} batch=${batch} compare=${compare} />`)}</tbody>
      </table>
    </div>
    ${pageInfo.hasNextPage && html`<button type="button" onClick=${more}>Show more</button>`}
  `;
}

const Row = ({ batch, compare }) => html`
  <tr>
    <th scope="row">
      <${Link} href=${`/batches/${batch.id}`}>${batchName(batch)}</${Link}>
      ${batch.rerunOf && html` <span class="quiet">repeats <${Link} href=${`/batches/${batch.rerunOf.id}`}>${batchName(batch.rerunOf)}</${Link}></span>`}
      ${batch.note && html`<p class="quiet">${batch.note}</p>`}
      ${batch.tags.length > 0 && html`<p><${Tags} tags=${batch.tags} href="/batches?tag=" /></p>`}
    </th>
    <td><${BatchState} batch=${batch} /></td>
    <td><${SolvedOf} figures=${batch.figures} /></td>
    <td><${Score} value=${batch.figures.meanComputedScore} /></td>
    <td><${Age} iso=${batch.requestedAt} /></td>
    ${compare && html`<td>${compare === batch.id ? "this one" : html`<${Link} href=${comparisonOf({ batchIds: [compare] }, { batchIds: [batch.id] })}>Compare</${Link}>`}</td>`}
  </tr>
`;
