// All batches, newest first: how far each has come, and what was solved of it.
import { html } from "../html.js";
import { FIRST_PAGE, pageOf } from "../list_address.js";
import { useLiveQuery } from "../live_query.js";
import { comparisonOf } from "../comparison_address.js";
import { Age, Score } from "../parts/basics.js";
import { batchName, BatchState } from "../parts/batch_state.js";
import { ENDS_STREAM, useEnds } from "../parts/ends.js";
import { SearchField } from "../parts/field.js";
import { Tags } from "../parts/labels.js";
import { Nothing } from "../parts/nothing.js";
import { Shown } from "../parts/notices.js";
import { Pager } from "../parts/pager.js";
import { SolvedOf } from "../parts/rates.js";
import { Link, usePage, useSearch } from "../router.js";

export function BatchesPage() {
  const heading = usePage("Batches");
  const [search, change] = useSearch();
  const { text, tag, status, compare } = search;
  const filter = { text: text || null, tags: tag ? [tag] : null, statuses: status ? [status] : null };
  const question = { filter, ...pageOf(search) };
  const live = useLiveQuery({
    key: JSON.stringify(question),
    query: "batches",
    variables: question,
    streams: [ENDS_STREAM()],
  });
  const narrow = (changes) => change({ ...changes, ...FIRST_PAGE });
  useEnds(live);
  return html`
    <h1 ref=${heading} tabindex="-1">${compare ? "Choose a batch to compare with" : "Batches"}</h1>
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <${SearchField} label="Text" placeholder="name or note" value=${text} change=${(text) => narrow({ text })} />
      <${SearchField} label="Tag" placeholder="key or key=value" value=${tag} change=${(tag) => narrow({ tag })} />
      <label>State
        <select value=${status ?? ""} onChange=${(event) => narrow({ status: event.target.value })}>
          <option value="">any</option>
          <option value="RUNNING">Running</option>
          <option value="COMPLETED">Completed</option>
        </select>
      </label>
    </form>
    <${Shown} live=${live} what="batches">
      ${({ batches }) => html`<${List} batches=${batches} compare=${compare} change=${change} />`}
    </${Shown}>
  `;
}

function List({ batches, compare, change }) {
  const { nodes, offset } = batches;
  if (nodes.length === 0 && offset === 0)
    return html`<${Nothing} what="batch" filters=${["text", "tag", "status"]}><p>Run a row or a column of the <${Link} href="/">grid</${Link}>, or use <code>reev-gql run --all</code>. What is run together is a batch.</p></${Nothing}>`;
  return html`
    <${Pager} connection=${batches} one="batch" several="batches" change=${change} />
    <div class="table-frame" tabindex="0" role="region" aria-label="Batches">
      <table>
        <thead><tr><th scope="col">Batch</th><th scope="col">State</th><th scope="col">Solved</th><th scope="col">Mean score</th><th scope="col">Requested</th>${compare && html`<th scope="col">Compare</th>`}</tr></thead>
        <tbody>${nodes.map((batch) => html`<${Row} key=${batch.id} batch=${batch} compare=${compare} />`)}</tbody>
      </table>
    </div>
    ${nodes.length > 20 && html`<${Pager} connection=${batches} one="batch" several="batches" change=${change} quiet />`}
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
