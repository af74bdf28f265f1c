// Before many benchmarks are run: with which agents, and how many executions that makes. Nothing is queued before.
import { PRIORITIES, priority } from "../actions.js";
import * as format from "../format.js";
import { html, useRef, useState } from "../html.js";
import { LARGEST_BATCH, numberOfBatches } from "../run_chain.js";
import { Store } from "../store.js";
import { useStore } from "../use_store.js";
import { Doing } from "./doing.js";
import { listed } from "./labels.js";
import { RunProgress } from "./run_progress.js";
import { agentWords, isReady } from "./run_with.js";

const shown = new Store(null);

// `what` is {ids}, or {filter, total} for all benchmarks that fit, on whatever page they are. `chosen` are the names of
// the agents that are ticked at first; else all of which something is known.
export const askToRun = (what, agents, chosen = null) =>
  shown.set({ what, agents, chosen: chosen ?? agents.filter(isReady).map(({ name }) => name) });

export function RunDialog() {
  const what = useStore(shown);
  return what && html`<${Dialog} ...${what} />`;
}

function Dialog({ what: asked, agents, chosen }) {
  const [what, setWhat] = useState(asked);
  const [request, setRequest] = useState(null);
  const [changed, setChanged] = useState(false);
  const [names, setNames] = useState(chosen);
  const [times, setTimes] = useState("1");
  const [name, setName] = useState("");
  const [tags, setTags] = useState("");
  const urgency = useStore(priority);
  const dialog = useRef(null);
  const show = (element) => {
    dialog.current = element;
    if (element && !element.open) element.showModal();
  };
  const repeats = /^[1-9][0-9]{0,2}$/.test(times) ? Number(times) : 0;
  const benchmarks = what.ids?.length ?? what.total;
  const number = benchmarks * names.length * repeats;
  const batches = repeats ? numberOfBatches(benchmarks, names, repeats) : 0;
  const run = (event) => {
    event.preventDefault();
    setRequest({ agents: names, priority: urgency, repeats, name: name || null, tags: listed(tags) });
  };
  // Closed by its key it is gone already when the last batch is answered.
  const close = () => dialog.current?.close();
  const confirm = (total) => {
    setWhat({ ...what, total });
    setChanged(true);
    setRequest(null);
  };
  const toggle = (name, on) => setNames(on ? [...names, name] : names.filter((other) => other !== name));
  const form = () => html`
    <form class="editor" onSubmit=${run}>
      ${changed && html`<p class="issue" role="alert">Meanwhile another number of benchmarks fits: it is ${format.count(benchmarks)} now. Nothing is queued yet.</p>`}
      <fieldset>
        <legend>Agents</legend>
        ${agents.map(
          (agent) => html`
            <label key=${agent.name} class="switch"><input type="checkbox" checked=${names.includes(agent.name)} onChange=${(event) => toggle(agent.name, event.target.checked)} /> ${agentWords(agent)} <span class="quiet">${agent.config?.model}</span></label>
          `,
        )}
      </fieldset>
      <label>Times each <input type="number" min="1" max="100" value=${times} onInput=${(event) => setTimes(event.target.value)} /></label>
      <label>Priority
        <select value=${urgency} onChange=${(event) => priority.set(Number(event.target.value))}>
          ${PRIORITIES.map(([value, words]) => html`<option key=${value} value=${value} selected=${value === urgency}>${words}</option>`)}
        </select>
      </label>
      <label>Name of the batch <input type="text" placeholder="none" value=${name} onInput=${(event) => setName(event.target.value)} /></label>
      <label>Tags of the batch <input type="text" placeholder="key or key=value, with spaces between" value=${tags} onInput=${(event) => setTags(event.target.value)} /></label>
      <p role="status">${format.many(number, "execution")}${batches > 1 && `, in ${format.count(batches)} batches of at most ${format.count(LARGEST_BATCH)}, which get a tag in common`}. They wait in the queue and can be stopped together.</p>
      <div class="buttons">
        <${Doing} type="submit" class="primary" disabled=${number === 0}>Run ${format.count(number)}</${Doing}>
        <button type="button" onClick=${close}>Cancel</button>
      </div>
    </form>
  `;
  return html`
    <dialog ref=${show} onClose=${() => shown.set(null)} aria-labelledby="run-title">
      <h2 id="run-title">Run ${format.many(benchmarks, "benchmark")}</h2>
      ${request ? html`<${RunProgress} what=${what} request=${request} close=${close} confirm=${confirm} />` : form()}
    </dialog>
  `;
}
