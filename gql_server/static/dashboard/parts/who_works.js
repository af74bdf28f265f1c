// Who works: the workers and what they have, how many wait, and what could not be read. Asked for when it is opened,
// and again and again while it is open; no page pays for it before.
import { ask } from "../api.js";
import * as format from "../format.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { Age } from "./basics.js";
import { ErrorNote, Loading } from "./notices.js";

const AGAIN_MS = 3_000;

export function WhoWorks() {
  const [open, setOpen] = useState(false);
  const box = useRef(null);

  useEffect(() => {
    if (!open) return undefined;
    const close = (event) => {
      if (event.key === "Escape" || (event.type === "pointerdown" && !box.current.contains(event.target)))
        setOpen(false);
    };
    addEventListener("keydown", close);
    addEventListener("pointerdown", close);
    return () => {
      removeEventListener("keydown", close);
      removeEventListener("pointerdown", close);
    };
  }, [open]);

  return html`
    <div class="who" ref=${box}>
      <button type="button" class="plain" aria-expanded=${String(open)} aria-controls="who-works" onClick=${() => setOpen(!open)}>Workers</button>
      ${open && html`<section id="who-works" class="surface" aria-label="Who works"><${Health} /></section>`}
    </div>
  `;
}

function Health() {
  const [{ health, error }, setState] = useState({});
  useEffect(() => {
    let over = false;
    let timer = 0;
    const look = async () => {
      const next = await ask("health").catch((error) => ({ error }));
      if (over) return;
      setState(next);
      timer = setTimeout(look, AGAIN_MS);
    };
    look();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, []);

  if (error) return html`<${ErrorNote} error=${error} />`;
  if (!health) return html`<${Loading} what="who works" />`;
  const problems = health.problems.map((problem) => html`<p class="issue" key=${problem}>${problem}</p>`);
  if (!health.workers || health.liveExecutions === null) return problems;
  const { workers, liveExecutions, queuedExecutions, ingestFailureCount, ingestConflictCount, version } =
    health;
  return html`
    ${problems}
    <p><strong>${format.count(liveExecutions)}</strong> running, <strong>${format.count(queuedExecutions)}</strong> waiting</p>
    ${workers.length === 0 && html`<p class="issue">No worker is there: nothing starts. Run <code>reev-gql worker</code>.</p>`}
    <ul class="plain-list">${workers.map((worker) => html`<${Worker} key=${worker.id} worker=${worker} />`)}</ul>
    ${ingestFailureCount > 0 && html`<p class="issue">${format.count(ingestFailureCount)} session files cannot be used.</p>`}
    ${ingestConflictCount > 0 && html`<p class="issue">${format.count(ingestConflictCount)} session files came after their execution had ended otherwise.</p>`}
    ${(ingestFailureCount > 0 || ingestConflictCount > 0) && html`<p class="quiet"><code>reev-gql doctor</code> names them.</p>`}
    <p class="quiet">Server ${version}</p>
  `;
}

const Worker = ({ worker: { host, processId, capacity, liveExecutions, isFresh, heartbeatAt } }) => html`
  <li>
    <span class="worker" data-fresh=${String(isFresh)}>${isFresh ? "●" : "○"}</span> ${host} <span class="quiet">process ${processId}</span>:
    ${liveExecutions} of ${capacity}${isFresh ? "" : html`, <span class="issue">silent since <${Age} iso=${heartbeatAt} /></span>`}
  </li>
`;
