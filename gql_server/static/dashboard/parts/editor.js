// Writing a benchmark: checked while it is typed, by the server's own reader, and stored only when asked.
import { act, ask } from "../api.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { Doing } from "./doing.js";
import { attempt, notify } from "./notices.js";

const TYPING_MS = 300;
const WORDS = { CREATED: "a new benchmark", UPDATED: "a new revision", UNCHANGED: "what is stored already" };

export function Editor({ source, done, close }) {
  const [text, setText] = useState(source);
  const [check, setCheck] = useState(null);
  const box = useRef(null);

  useEffect(() => {
    let over = false;
    const timer = setTimeout(async () => {
      const answer = await ask("check_benchmark", { source: text }).catch((error) => ({
        checkBenchmark: { code: "UNREACHABLE", message: error.message },
      }));
      if (!over) setCheck(answer.checkBenchmark);
    }, TYPING_MS);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [text]);

  const save = async (event) => {
    event.preventDefault();
    const stored = await attempt(() => act("upsert_benchmark", { source: text }));
    if (!stored) return;
    notify(`${stored.benchmark.id} is stored as revision ${stored.benchmark.revision}`);
    done(stored.benchmark.id);
  };

  return html`
    <form class="surface editor" onSubmit=${save}>
      <label for="editor-text">Definition (YAML)</label>
      <textarea id="editor-text" rows="24" spellcheck=${false} ref=${box} aria-describedby="editor-check" aria-invalid=${String(Boolean(check?.code))} value=${text} onInput=${(event) => setText(event.target.value)}></textarea>
      <div id="editor-check" role="status"><${Check} check=${check} go=${(line) => select(box.current, line)} /></div>
      <div class="buttons">
        <${Doing} needs="ADMIN" type="submit" class="primary" disabled=${!check || Boolean(check.code)}>Store</${Doing}>
        <button type="button" onClick=${close}>Cancel</button>
      </div>
    </form>
  `;
}

function Check({ check, go }) {
  if (!check) return html`<p class="quiet">Checking …</p>`;
  if (check.code) {
    return html`
      <p class="issue">✕ ${check.message}
        ${check.line != null && html` <button type="button" class="small" onClick=${() => go(check.line)}>Line ${check.line}, column ${check.column}</button>`}
      </p>
    `;
  }
  return html`
    <p>✓ <strong>${check.benchmarkId}</strong>: storing it makes ${WORDS[check.outcome]}.</p>
    ${check.whyNotRunnableLocally && html`<p class="issue">The local runner cannot execute it: ${check.whyNotRunnableLocally}</p>`}
    ${check.remarks.map(({ path, message }) => html`<p key=${path} class="issue"><code>${path}</code> ${message}</p>`)}
  `;
}

function select(box, line) {
  const lines = box.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  box.focus();
  box.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
}
