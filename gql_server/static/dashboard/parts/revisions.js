// The contents a benchmark has had, and what differs between any two of them.
import { ask } from "../api.js";
import * as format from "../format.js";
import { html, useEffect, useState } from "../html.js";
import { useSearch } from "../router.js";
import { Age } from "./basics.js";
import { attempt, ErrorNote, Loading } from "./notices.js";
import { InPieces } from "./pieces.js";

const MARKS = { ADDED: "+", REMOVED: "−", CONTEXT: " " };

export function Revisions({ benchmark: { id, revision, revisions: first }, change }) {
  const [search] = useSearch();
  const [revisions, setRevisions] = useState(first);
  useEffect(() => setRevisions(first), [first]);
  const more = async () => {
    const after = revisions.pageInfo.endCursor;
    const answer = await attempt(() => ask("benchmark_revisions", { id, after }));
    const page = answer?.benchmark?.revisions;
    if (page) setRevisions({ ...page, nodes: [...revisions.nodes, ...page.nodes] });
  };
  const to = Number(search.to ?? revision);
  const from = Number(search.from ?? Math.max(1, revision - 1));
  const choice = (name, value, label) => html`
    <label>${label}
      <select value=${value} onChange=${(event) => change({ [name]: event.target.value })}>
        ${revisions.nodes.map((one) => html`<option key=${one.revision} value=${one.revision}>Revision ${one.revision}</option>`)}
      </select>
    </label>
  `;
  return html`
    <p class="quiet" role="status">${format.count(revisions.nodes.length)} of ${format.many(revisions.totalCount, "revision")}</p>
    <${InPieces} items=${revisions.nodes} one="revision">${(nodes) => html`
    <ul class="plain-list">
      ${nodes.map((one) => html`<li key=${one.revision}>Revision ${one.revision}, <${Age} iso=${one.createdAt} /> <code class="quiet">${one.contentHash.slice(0, 12)}</code></li>`)}
    </ul>
    `}</${InPieces}>
    ${revisions.pageInfo.hasNextPage && html`<button type="button" onClick=${more}>Show older ones</button>`}
    ${
      revisions.nodes.length < 2
        ? html`<p class="quiet">There is only one: it was never changed.</p>`
        : html`<div class="filters">${choice("from", from, "From")}${choice("to", to, "To")}</div><${Diff} id=${id} from=${from} to=${to} />`
    }
  `;
}

function Diff({ id, from, to }) {
  const [state, setState] = useState({});
  useEffect(() => {
    let over = false;
    setState({});
    ask("benchmark_diff", { id, from, to }).then(
      ({ benchmark }) => {
        if (!over) setState({ diff: benchmark?.diff });
      },
      (error) => {
        if (!over) setState({ error });
      },
    );
    return () => {
      over = true;
    };
  }, [id, from, to]);
  if (state.error) return html`<${ErrorNote} error=${state.error} />`;
  if (state.diff === undefined) return html`<${Loading} what="the difference" />`;
  if (state.diff === null) return html`<p class="quiet">One of these revisions does not exist.</p>`;
  if (state.diff.identical) return html`<p class="quiet">Both have the same text.</p>`;
  return html`<${Lines} hunks=${state.diff.hunks} />`;
}

export const Lines = ({ hunks }) => html`
  <div class="code diff" tabindex="0" role="region" aria-label="Difference">
    ${hunks.map(
      (hunk) => html`
        <p key=${hunk.fromStart} class="quiet">Line ${hunk.fromStart} → ${hunk.toStart}</p>
        ${hunk.lines.map((line, index) => html`<div key=${index} data-kind=${line.kind}><span aria-label=${line.kind.toLowerCase()}>${MARKS[line.kind]}</span> ${line.text}</div>`)}
      `,
    )}
  </div>
`;
