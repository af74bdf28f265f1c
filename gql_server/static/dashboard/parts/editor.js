// Writing a benchmark: checked while it is typed, by the server's own reader, and stored only when asked. One that is
// kept in a file is stored in its file, or downloaded where the server may not write it: a sync would undo the rest.
import { act, ask } from "../api.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { draftOf, keepDraft, mayLeave, useUnsaved } from "../unsaved.js";
import { Doing } from "./doing.js";
import { keep } from "./download.js";
import { Check } from "./editor_check.js";
import { notify } from "./notices.js";

const TYPING_MS = 300;
const NEW = "new";

// `id` and `revision` are of the benchmark that `source` is the text of; null for a new one. `newest` is the revision
// that is known to be stored by now.
export function Editor({ id = null, revision = null, newest = revision, source: stored, done, close }) {
  const name = id ?? NEW;
  // A text area knows one kind of line end. What is sent has those of the stored text.
  const source = stored.replaceAll("\r\n", "\n");
  const [draft] = useState(() => draftOf(name));
  const [text, setText] = useState(draft?.text ?? source);
  const [base, setBase] = useState(draft?.base ?? revision);
  const [check, setCheck] = useState(null);
  const [failed, setFailed] = useState(null);
  const [round, setRound] = useState(0);
  const box = useRef(null);
  const isChanged = text !== source;
  const whole = source === stored ? text : text.replaceAll("\n", "\r\n");
  const release = useUnsaved(isChanged, name);

  useEffect(() => {
    keepDraft(name, isChanged ? { text, base } : null);
  }, [text, base]);

  useEffect(() => {
    let over = false;
    const timer = setTimeout(async () => {
      const answer = await ask("check_benchmark", { source: whole }).catch((error) => ({
        checkBenchmark: { code: "UNREACHABLE", message: error.message },
      }));
      if (!over) setCheck(answer.checkBenchmark);
    }, TYPING_MS);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [text, round, newest]);

  const forget = () => {
    keepDraft(name, null);
    release();
  };
  const store = async (writeFile) => {
    const baseRevision = check.benchmarkId === id ? base : null;
    try {
      const { benchmark, writtenFile } = await act("upsert_benchmark", {
        source: whole,
        writeFile,
        baseRevision,
      });
      forget();
      const where = writtenFile ? `, in the file ${writtenFile}` : "";
      notify(`${benchmark.id} is stored as revision ${benchmark.revision}${where}`);
      done(benchmark.id);
    } catch (error) {
      setFailed(error.message);
      setRound((number) => number + 1);
    }
  };
  const isReady = check !== null && !check.code;
  const inFile = isReady && check.isInFile;
  const save = (event) => {
    event.preventDefault();
    if (isReady && !(inFile && check.whyNotWritten)) store(inFile);
  };
  const onKeyDown = (event) => {
    if (event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.currentTarget.requestSubmit();
  };
  const leave = () => {
    forget();
    close();
  };
  const write = (value) => {
    setFailed(null);
    setText(value);
  };

  return html`
    <form class="surface editor" onSubmit=${save} onKeyDown=${onKeyDown} aria-keyshortcuts="Control+S">
      ${draft && isChanged && html`<p class="issue" role="status">This is the text that you had not stored. <button type="button" class="small" onClick=${() => write(source)}>Take the stored text</button></p>`}
      <label for="editor-text">Definition (YAML)</label>
      <textarea id="editor-text" rows="24" spellcheck=${false} ref=${box} aria-describedby="editor-check" aria-invalid=${String(Boolean(check?.code))} value=${text} onInput=${(event) => write(event.target.value)}></textarea>
      <div id="editor-check" role="status"><${Check} check=${check} id=${id} base=${base} take=${setBase} go=${(line) => select(box.current, line)} /></div>
      ${failed && html`<p class="error-note" role="alert">${failed}</p>`}
      <div class="buttons">
        <${Doing} needs="ADMIN" type="submit" class="primary" disabled=${!isReady || Boolean(inFile && check.whyNotWritten)}>${inFile ? "Store in its file" : "Store"}</${Doing}>
        ${isReady && !inFile && !check.whyNotWritten && html`<${Doing} needs="ADMIN" onClick=${() => store(true)}>Store as a file</${Doing}>`}
        <button type="button" onClick=${() => keep(new Blob([whole], { type: "application/yaml" }), fileName(check, id))}>Download</button>
        <button type="button" onClick=${() => mayLeave(null, leave) && leave()}>Cancel</button>
      </div>
    </form>
  `;
}

const fileName = (check, id) => check?.file ?? `${id ?? "benchmark"}.yml`;

function select(box, line) {
  const lines = box.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  box.focus();
  box.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
}
