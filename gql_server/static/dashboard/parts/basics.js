// The small things every page shows: states, scores, times, bars, tabs.
import { clock } from "../clock.js";
import * as format from "../format.js";
import { html, useRef } from "../html.js";
import { Link } from "../router.js";
import { useStore } from "../use_store.js";
import { attempt } from "./notices.js";

const SYMBOLS = {
  QUEUED: "◌",
  RUNNING: "▶",
  STOPPING: "◍",
  SUCCEEDED: "✓",
  FAILED: "✕",
  TIMED_OUT: "⏱",
  STOPPED: "■",
  LOST: "?",
};

// Its colour and its symbol both say the state, so that it can be told without seeing colours.
export const Status = ({ status }) => html`
  <span class="status" data-status=${status}>
    <span aria-hidden="true">${SYMBOLS[status]}</span> ${format.STATUS_WORDS[status]}
  </span>
`;

export const Score = ({ value }) => html`
  <span class="score" data-grade=${format.grade(value)}>${format.score(value)}</span>
`;

// Whether an execution was solved, which is computed here; nothing where that is not known.
export const Solved = ({ solved }) =>
  solved == null
    ? null
    : html`<span class="solved" data-solved=${String(solved)}><span aria-hidden="true">${solved ? "◆" : "◇"}</span> ${solved ? "solved" : "not solved"}</span>`;

// The computed score, with the reported one beside it where they differ. A reported one alone says what it is.
export function Scores({ execution }) {
  const { computedScore, score } = execution;
  const shown = format.scoreOf(execution);
  if (shown == null) return html`<${Score} value=${null} />`;
  const reported =
    computedScore == null || (score != null && format.score(score) !== format.score(computedScore));
  return html`
    <${Score} value=${shown} />
    ${reported && html` <span class="quiet reported">${computedScore == null ? "reported" : `reported ${format.score(score)}`}</span>`}
  `;
}

// How long ago, counting on; the moment itself on hover and for screen readers.
export function Age({ iso }) {
  const now = useStore(clock);
  if (iso == null) return html`<span>${format.UNKNOWN}</span>`;
  return html`<time datetime=${iso} title=${format.moment(iso)}>${format.age(iso, now)}</time>`;
}

// How long an execution ran, or has been running so far.
export function Elapsed({ execution }) {
  const now = useStore(clock);
  const { startedAt, endedAt, executionTimeMs, status } = execution;
  if (!format.isLive(status)) return html`<span>${format.duration(executionTimeMs)}</span>`;
  const since = startedAt ?? execution.queuedAt;
  const ms = Math.max(0, (endedAt ? Date.parse(endedAt) : now) - Date.parse(since));
  return html`<span class="counting">${status === "QUEUED" ? "waiting " : ""}${format.counting(ms)}</span>`;
}

// How far a live execution has come; nothing where nobody knows, or where there is one step only.
export function Progress({ execution: { status, progress, benchmarkId } }) {
  if (status !== "RUNNING" || progress?.fraction == null || progress.stepsTotal < 2) return null;
  const words = `${progress.stepsDone} of ${progress.stepsTotal} steps`;
  return html`
    <span class="progress">
      <progress class="bar" aria-label=${`Progress of ${benchmarkId}`} max="1" value=${progress.fraction}></progress>
      <span class="quiet">${words}</span>
    </span>
  `;
}

// The benchmark of an execution, as a link where there is a page for it.
export const BenchmarkName = ({ id }) =>
  id === format.UNKNOWN_BENCHMARK
    ? html`<span class="quiet" title="Only its session file can tell, and there is none so far.">benchmark unknown</span>`
    : html`<${Link} href=${`/benchmarks/${encodeURIComponent(id)}`}>${id}</${Link}>`;

export function Bar({ value, label }) {
  const known = value != null;
  return html`
    <progress class="bar" aria-label=${label} max="1" value=${known ? value : undefined}>
      ${known ? format.share(value) : "under way"}
    </progress>
  `;
}

// Tabs as the ARIA pattern has them: arrows move, only the chosen one is in the tab order.
export function Tabs({ label, tabs, chosen, choose }) {
  const list = useRef(null);
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const index = tabs.findIndex(([id]) => id === chosen);
    const next = (index + step + tabs.length) % tabs.length;
    choose(tabs[next][0]);
    list.current.children[next].focus();
  };
  return html`
    <div class="tabs" role="tablist" aria-label=${label} ref=${list} onKeyDown=${move}>
      ${tabs.map(
        ([id, title]) => html`
          <button
            type="button" role="tab" key=${id} id=${`tab-${id}`} aria-selected=${String(id === chosen)}
            aria-controls=${`panel-${id}`} tabindex=${id === chosen ? 0 : -1} onClick=${() => choose(id)}
          >${title}</button>
        `,
      )}
    </div>
  `;
}

export const Panel = ({ id, children }) => html`
  <div class="panel" role="tabpanel" id=${`panel-${id}`} aria-labelledby=${`tab-${id}`} tabindex="0">${children}</div>
`;

// A copy button for text that is worth taking along.
export function Copy({ text, label = "Copy" }) {
  const button = useRef(null);
  const copy = async () => {
    const words = typeof text === "function" ? await attempt(text) : text;
    if (words === null) return;
    await navigator.clipboard.writeText(words);
    button.current.textContent = "Copied";
    setTimeout(() => {
      if (button.current) button.current.textContent = label;
    }, 1500);
  };
  return html`<button type="button" class="small" ref=${button} onClick=${copy}>${label}</button>`;
}

// Any JSON as text, indented; from agents, so it is text and nothing else.
export const Json = ({ value }) =>
  value == null
    ? html`<span class="quiet">${format.UNKNOWN}</span>`
    : html`<pre class="code">${JSON.stringify(value, null, 2)}</pre>`;

export const Fact = ({ name, children }) =>
  html`<div class="fact"><dt>${name}</dt><dd>${children}</dd></div>`;
