// Reading the benchmarks directory, with what became of each file. The report outlives the button: a page may be drawn
// anew by the very changes that the sync made.
import { act } from "../api.js";
import { html, useRef, useState } from "../html.js";
import { Store } from "../store.js";
import { useStore } from "../use_store.js";
import { attempt, notify } from "./notices.js";
import { Bar } from "./basics.js";
import { Doing } from "./doing.js";
import { InPieces } from "./pieces.js";

const shown = new Store(null);

export function SyncButton() {
  const [busy, setBusy] = useState(false);
  const sync = async () => {
    setBusy(true);
    const done = await attempt(() => act("sync_benchmarks"));
    setBusy(false);
    if (!done) return;
    shown.set(done);
    notify(`The benchmarks directory was read: ${summary(done)}`, done.failed ? "bad" : "good");
  };
  return html`
    <span class="sync">
      <${Doing} needs="ADMIN" onClick=${sync} disabled=${busy}>Sync benchmarks</${Doing}>
      ${busy && html`<${Bar} label="Reading the benchmarks directory" />`}
    </span>
  `;
}

const summary = ({ created, updated, archived, kept, unchanged, failed }) =>
  Object.entries({ created, updated, archived, kept, unchanged, failed })
    .filter(([, number]) => number > 0)
    .map(([what, number]) => `${number} ${what}`)
    .join(", ") || "no files";

export function SyncReport() {
  const report = useStore(shown);
  return report && html`<${Report} report=${report} />`;
}

function Report({ report }) {
  const dialog = useRef(null);
  const show = (element) => {
    dialog.current = element;
    if (element && !element.open) element.showModal();
  };
  return html`
    <dialog ref=${show} onClose=${() => shown.set(null)} aria-labelledby="sync-title">
      <h2 id="sync-title">Sync: ${summary(report)}</h2>
      <${InPieces} items=${inOrder(report.files)} one="file">${(files) => html`
      <div class="table-frame" tabindex="0" role="region" aria-label="Files">
        <table>
          <thead><tr><th scope="col">File</th><th scope="col">Outcome</th><th scope="col">What is odd about it</th></tr></thead>
          <tbody>
            ${files.map(
              (file) => html`
                <tr key=${file.file}>
                  <th scope="row">${file.file}</th>
                  <td><span class="outcome" data-outcome=${file.outcome}>${file.outcome.toLowerCase()}</span></td>
                  <td>${file.staysArchived && html`<p>It stays archived, as was asked for.</p>`}${file.outcome === "KEPT" && html`<p>It stays: another benchmarks directory brought it.</p>`}${file.error ? placed(file.error) : file.remarks.map(({ path, message }) => html`<p key=${path}><code>${path}</code> ${message}</p>`)}</td>
                </tr>
              `,
            )}
          </tbody>
        </table>
      </div>
      `}</${InPieces}>
      <button type="button" class="primary" onClick=${() => dialog.current.close()}>Close</button>
    </dialog>
  `;
}

// What is as it was comes last: nobody looks for it.
const inOrder = (files) => files.toSorted((a, b) => dull(a) - dull(b));
const dull = ({ outcome, remarks, error }) => Number(outcome === "UNCHANGED" && !error && !remarks?.length);

const placed = ({ message, line, column }) =>
  line == null ? message : `${message} (line ${line}, column ${column})`;
