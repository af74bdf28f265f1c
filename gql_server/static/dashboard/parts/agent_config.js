// How an agent reaches its model. The key can be written and removed, and is never shown: the server does not say it.
import { act } from "../api.js";
import * as format from "../format.js";
import { html, useState } from "../html.js";
import { Doing } from "./doing.js";
import { attempt, notify } from "./notices.js";

export function AgentConfig({ name, config, saved }) {
  const [apiUrl, setApiUrl] = useState(config?.apiUrl ?? "");
  const [model, setModel] = useState(config?.model ?? "");
  const [apiKey, setApiKey] = useState("");
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState(null);

  const during = async (work) => {
    setBusy(true);
    const done = await attempt(work);
    setBusy(false);
    return done;
  };
  const save = async (event) => {
    event.preventDefault();
    const input = { agent: name, apiUrl: apiUrl || null, model: model || null, ...(apiKey && { apiKey }) };
    if (!(await during(() => act("save_agent_config", input)))) return;
    setApiKey("");
    notify(`The configuration of ${name} is saved`);
    saved();
  };
  const remove = async () => {
    if (!confirm(`Delete the configuration of ${name}, with its API key?`)) return;
    if (await during(() => act("delete_agent_config", { agent: name }))) {
      setApiUrl("");
      setModel("");
      saved();
    }
  };
  // What is typed is tested as typed; a stored key goes only to the address it is stored for.
  const test = async () => {
    const asStored = !apiKey && apiUrl === (config?.apiUrl ?? "") && model === (config?.model ?? "");
    const input = asStored
      ? { agent: name }
      : { apiUrl: apiUrl || null, model: model || null, apiKey: apiKey || null };
    setResult(await during(() => act("test_agent_connection", input)));
  };
  return html`
    <form class="surface editor" onSubmit=${save} aria-label=${`Configuration of ${name}`}>
      <h2>Configuration</h2>
      <label>Address of the API <input type="url" placeholder="http://127.0.0.1:1234/v1" value=${apiUrl} onInput=${(event) => setApiUrl(event.target.value)} /></label>
      <label>Model <input value=${model} onInput=${(event) => setModel(event.target.value)} /></label>
      <label>API key (${config?.hasApiKey ? "one is stored; leave empty to keep it" : "none is stored"}) <input type="password" autocomplete="off" value=${apiKey} onInput=${(event) => setApiKey(event.target.value)} /></label>
      <div class="buttons">
        <${Doing} needs="ADMIN" type="submit" class="primary" disabled=${busy}>Save</${Doing}>
        <${Doing} needs="ADMIN" disabled=${busy || (!apiUrl && !config)} onClick=${test}>Test the connection</${Doing}>
        ${config && html`<${Doing} needs="ADMIN" class="danger" disabled=${busy} onClick=${remove}>Delete</${Doing}>`}
      </div>
      <div role="status">${result && html`<${Result} result=${result} />`}</div>
    </form>
  `;
}

const Result = ({ result }) =>
  result.ok
    ? html`<p>✓ It answered in ${format.duration(result.latencyMs)} (<code>${result.url}</code>).</p>`
    : html`<p class="issue">✕ ${result.problem?.message ?? "It did not answer as an agent needs it."} <span class="quiet">${result.url}, ${format.duration(result.latencyMs)}</span></p>`;
