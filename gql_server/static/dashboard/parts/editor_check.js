// What the server says of the text in the editor: what is wrong with it, or what storing it would do, and where.
import { html } from "../html.js";

const WORDS = {
  CREATED: "storing it makes a new benchmark",
  UPDATED: "storing it makes a new revision",
  UNCHANGED: "this text is stored already",
};

// `base` is the revision that the text was made from, `take(revision)` makes another one its base.
export function Check({ check, id, base, take, go }) {
  if (!check) return html`<p class="quiet">Checking …</p>`;
  if (check.code) {
    return html`
      <p class="issue">✕ ${check.message}
        ${check.line != null && html` <button type="button" class="small" onClick=${() => go(check.line)}>Line ${check.line}, column ${check.column}</button>`}
      </p>
    `;
  }
  const isNewer = check.benchmarkId === id && base !== null && check.revision > base;
  return html`
    <p>✓ <strong>${check.benchmarkId}</strong>: ${WORDS[check.outcome]}.</p>
    ${isNewer && html`<${Newer} id=${id} base=${base} revision=${check.revision} take=${take} />`}
    <${Place} check=${check} />
    ${check.whyNotRunnableLocally && html`<p class="issue">The local runner cannot execute it: ${check.whyNotRunnableLocally}</p>`}
    ${check.remarks.map(({ path, message }) => html`<p key=${path} class="issue"><code>${path}</code> ${message}</p>`)}
  `;
}

const Newer = ({ id, base, revision, take }) => html`
  <p class="issue">
    Revision ${revision} was stored meanwhile, and this text was made from revision ${base}.
    ${" "}<a href=${`/benchmarks/${id}?tab=revisions&from=${base}&to=${revision}`} target="_blank">What differs</a>
    ${" "}<button type="button" class="small" onClick=${() => take(revision)}>This text replaces it</button>
  </p>
`;

function Place({ check: { isInFile, file, whyNotWritten } }) {
  if (!isInFile)
    return html`<p class="quiet">Without a file it is stored in the database alone, and no sync changes it. <em>Store as a file</em> writes <code>${file}</code>${whyNotWritten ? `, which is not possible: ${whyNotWritten}` : ""}.</p>`;
  if (!whyNotWritten)
    return html`<p>It is kept in the file <code>${file}</code> of the benchmarks directory, which is written too.</p>`;
  return html`
    <p class="issue">
      It is kept in the file <code>${file}</code>, and the next sync would undo what is stored elsewhere. ${whyNotWritten}.
      Download the text, put it in the place of <code>${file}</code>, and sync.
    </p>
  `;
}
