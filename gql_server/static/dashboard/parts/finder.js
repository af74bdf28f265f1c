// The dialog that searches everything: pages, benchmarks, agents, batches and executions, while one types.
import { ask } from "../api.js";
import * as format from "../format.js";
import { html, useEffect, useMemo, useRef, useState } from "../html.js";
import { PAGES } from "../pages_table.js";
import { go, Link } from "../router.js";
import { dialog } from "../shortcuts.js";
import { Age, Status } from "./basics.js";
import { ErrorNote } from "./notices.js";

const TYPING_MS = 200;
const SHOWN = 6;

const close = () => dialog.set(null);

export function Finder() {
  const [text, setText] = useState("");
  const { answer, error, asked } = useAnswer(text.trim());
  const groups = useMemo(() => (answer ? found(answer, asked) : []), [answer]);
  const box = useRef(null);
  const show = (element) => {
    box.current = element;
    if (element && !element.open) element.showModal();
  };
  const follow = (event) => {
    // A link that was followed closes the dialog, not one that opens another tab.
    if (event.defaultPrevented && event.target.closest("a")) close();
  };
  const submit = (event) => {
    event.preventDefault();
    const first = box.current.querySelector(".results a");
    if (!first || asked !== text.trim()) return;
    close();
    go(first.getAttribute("href"));
  };
  return html`
    <dialog ref=${show} class="finder" onClose=${close} onClick=${follow} onKeyDown=${move} aria-labelledby="finder-title">
      <form role="search" onSubmit=${submit}>
        <label id="finder-title">Search everything
          <input type="search" autofocus autocomplete="off" spellcheck=${false} placeholder="benchmark, agent, batch, or the beginning of an id" value=${text} onInput=${(event) => setText(event.target.value)} />
        </label>
      </form>
      ${error && html`<${ErrorNote} error=${error} />`}
      <p class="quiet" role="status">${said(text.trim(), asked, groups, error)}</p>
      <div class="results">${groups.map((group) => html`<${Group} key=${group.title} ...${group} />`)}</div>
      <div class="buttons"><button type="button" onClick=${close}>Close</button></div>
    </dialog>
  `;
}

function said(text, asked, groups, error) {
  if (error) return "";
  if (!text) return "Enter opens the first result, ↓ goes to the others.";
  if (text !== asked) return "Searching …";
  const number = groups.reduce((sum, { total }) => sum + total, 0);
  return number === 0 ? `Nothing has “${text}”.` : format.many(number, "result");
}

// What the server found for the text that was typed last; `asked` is the text that the answer is for.
function useAnswer(text) {
  const [state, setState] = useState({ answer: null, error: null, asked: "" });
  useEffect(() => {
    if (!text) return setState({ answer: null, error: null, asked: "" });
    let over = false;
    const timer = setTimeout(() => {
      ask("find", { text, first: SHOWN }).then(
        (answer) => over || setState({ answer, error: null, asked: text }),
        (error) => over || setState({ answer: null, error, asked: text }),
      );
    }, TYPING_MS);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [text]);
  return state;
}

// The groups of results that have any, each with how many there are and where all of them stand.
function found({ agentNames, benchmarks, batches, executions }, text) {
  const has = (words) => words.toLowerCase().includes(text.toLowerCase());
  const pages = PAGES.filter(({ title }) => has(title));
  const names = agentNames.filter(has);
  const all = `?text=${encodeURIComponent(text)}`;
  return [
    {
      title: "Pages",
      total: pages.length,
      results: pages.map(({ href, title, words }) => [href, title, words]),
    },
    {
      title: "Benchmarks",
      total: benchmarks.totalCount,
      more: `/benchmarks${all}`,
      results: benchmarks.nodes.map(({ id, description }) => [
        `/benchmarks/${encodeURIComponent(id)}`,
        id,
        description,
      ]),
    },
    {
      title: "Agents",
      total: names.length,
      more: "/agents",
      results: names.slice(0, SHOWN).map((name) => [`/agents/${encodeURIComponent(name)}`, name, null]),
    },
    {
      title: "Batches",
      total: batches.totalCount,
      more: `/batches${all}`,
      results: batches.nodes.map(({ id, name, note, size }) => [
        `/batches/${id}`,
        name ?? `Batch ${id.slice(0, 8)}`,
        note ?? format.many(size, "execution"),
      ]),
    },
    {
      title: "Executions",
      total: executions.totalCount,
      more: `/executions${all}`,
      results: executions.nodes.map((execution) => [
        `/executions/${execution.id}`,
        `${execution.benchmarkId} · ${execution.agent}`,
        html`<${Status} status=${execution.status} /> <${Age} iso=${execution.queuedAt} /> <span class="mono">${execution.id.slice(-8)}</span>`,
      ]),
    },
  ].filter(({ total }) => total > 0);
}

const Group = ({ title, total, results, more }) => html`
  <section aria-label=${title}>
    <h3>${title} <span class="quiet">${format.count(total)}</span></h3>
    <ul class="plain-list">
      ${results.map(([href, words, quiet]) => html`<li key=${href}><${Link} href=${href}>${words}</${Link}> <span class="quiet">${quiet}</span></li>`)}
      ${total > results.length && html`<li key="more"><${Link} href=${more}>All ${format.count(total)}</${Link}></li>`}
    </ul>
  </section>
`;

// The arrows go from one result to the next, and from the first one back to the text.
function move(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const stops = [...event.currentTarget.querySelectorAll("input, .results a")];
  const next = stops[stops.indexOf(document.activeElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
