// A benchmark in the archive: why it is there, what that means, and the ways out.
import { act } from "../api.js";
import { html, useState } from "../html.js";
import { Age } from "./basics.js";
import { Doing } from "./doing.js";
import { keep } from "./download.js";
import { attempt, notify } from "./notices.js";

export function ArchiveButton({ id, done }) {
  const archive = async () => {
    if (!(await attempt(() => act("archive_benchmark", { benchmarkId: id })))) return;
    notify(`${id} is archived. Nothing of it is deleted.`);
    done();
  };
  return html`<${Doing} needs="ADMIN" onClick=${archive}>Archive</${Doing}>`;
}

export function Archived({ benchmark, done }) {
  const { id, archivedAt, archiveReason, sourcePath, source } = benchmark;
  const [isMissing, setIsMissing] = useState(archiveReason === "FILE_MISSING");
  const restore = async (writeFile) => {
    try {
      const { writtenFile } = await act("restore_benchmark", { benchmarkId: id, writeFile });
      notify(writtenFile ? `${id} is restored, and its file ${writtenFile} is written` : `${id} is restored`);
      done();
    } catch (error) {
      if (error.code === "BENCHMARK_IN_FILE") setIsMissing(true);
      notify(error.message, "bad");
    }
  };
  return html`
    <section class="surface" aria-label="Archived">
      <p class="issue">
        <strong>Archived <${Age} iso=${archivedAt} /></strong>, ${archiveReason === "REQUESTED" ? "on request" : html`because its file <code>${sourcePath}</code> is missing`}.
        It cannot be executed, and lists leave it out. Its revisions, executions and figures are kept.
        ${archiveReason === "REQUESTED" ? " No sync brings it back." : " A sync brings it back when the file is there again."}
      </p>
      ${isMissing && archiveReason === "REQUESTED" && html`<p class="issue">Its file <code>${sourcePath}</code> is missing.</p>`}
      <div class="buttons">
        ${
          isMissing
            ? html`
              <${Doing} needs="ADMIN" onClick=${() => restore(true)}>Write its file and restore it</${Doing}>
              <button type="button" onClick=${() => keep(new Blob([source], { type: "application/yaml" }), sourcePath)}>Download its file</button>
            `
            : html`<${Doing} needs="ADMIN" onClick=${() => restore(false)}>Restore</${Doing}>`
        }
      </div>
    </section>
  `;
}
