// How an agent reaches its model, and how the model is asked. The key can be written and removed, and is never shown:
// the server does not say it.
import { act } from "../api.js";
import { COMMON, inputOf, MORE, textsOf } from "../agent_fields.js";
import * as format from "../format.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { useUnsaved } from "../unsaved.js";
import { Age, Fact } from "./basics.js";
import { Doing } from "./doing.js";
import { Field } from "./field.js";
import { attempt, notify } from "./notices.js";
import { Hash } from "./usage.js";

// A runner command takes the address, the model and the key alone, for the agents that the server's settings name.
export const OWN_RUNNER = document.getElementById("app").dataset.ownRunner === "on";

// `name` null asks for a name too: it is a new agent, which can be given up with `cancel`. `saved(name)` and
// `deleted()` are called afterwards.
export function AgentForm({ name, config = null, saved, deleted, cancel }) {
  const [texts, setTexts] = useState(() => ({ name: name ?? "", ...textsOf(config) }));
  const [problems, setProblems] = useState({});
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState(null);
  const form = useRef(null);
  const agent = name ?? texts.name.trim();
  const stored = { name: name ?? "", ...textsOf(config) };
  const release = useUnsaved(Object.keys(stored).some((field) => texts[field] !== stored[field]));

  // What is shown is what is stored, once it is stored.
  useEffect(() => setTexts((now) => ({ ...now, ...textsOf(config) })), [config?.updatedAt]);
  useEffect(() => {
    const invalid = form.current.querySelector("[aria-invalid='true']");
    const fold = invalid?.closest("details");
    if (fold) fold.open = true;
    invalid?.focus();
  }, [problems]);

  const during = async (work) => {
    setBusy(true);
    setProblems({});
    const done = await attempt(() => work().catch(beside));
    setBusy(false);
    return done;
  };
  // A refusal that names a field is shown there, every other one as a notice.
  const beside = (error) => {
    const field = fieldOf(error, texts);
    if (field === null) throw error;
    setProblems({ [field]: error.message });
    return null;
  };
  const save = async (event) => {
    event.preventDefault();
    const { input, problems } = inputOf(texts, textsOf(config));
    if (problems) return setProblems(problems);
    if (!(await during(() => act("save_agent_config", { agent, ...input })))) return;
    setTexts((now) => ({ ...now, apiKey: "" }));
    release();
    notify(`The configuration of ${agent} is saved`);
    saved(agent);
  };
  const remove = async () => {
    if (!confirm(`Delete the configuration of ${agent}, with its API key?`)) return;
    if (!(await during(() => act("delete_agent_config", { agent })))) return;
    release();
    deleted();
  };
  const test = async () => {
    const { input, problems } = inputOf(texts);
    if (problems) return setProblems(problems);
    setResult(null);
    setResult(await during(() => act("test_agent_connection", tested(agent, texts, input, config))));
  };

  const field = (description) => html`
    <${Field} key=${description.name} field=${description} value=${texts[description.name]} problem=${problems[description.name]}
      change=${(value) => setTexts((now) => ({ ...now, [description.name]: value }))} />
  `;
  return html`
    <form class="surface editor" ref=${form} onSubmit=${save} noValidate aria-label=${name ? `Configuration of ${name}` : "New agent"}>
      <h2>${name ? "Configuration" : "New agent"}</h2>
      ${config && html`<${Stored} config=${config} />`}
      <div class="fields">
        ${name === null && field({ name: "name", label: "Name", required: true, hint: "As executions are requested with it, such as qwen3-8b." })}
        ${field({ name: "apiUrl", label: "Address of the API", type: "url", placeholder: "http://127.0.0.1:11434/v1" })}
        ${field({ name: "model", label: "Model", placeholder: "qwen3:8b" })}
        ${field({ name: "apiKey", label: `API key (${config?.hasApiKey ? "one is stored; leave empty to keep it" : "none is stored"})`, type: "password" })}
        ${OWN_RUNNER && COMMON.map(field)}
      </div>
      ${
        OWN_RUNNER &&
        html`<details>
          <summary>More settings</summary>
          ${MORE.map(
            ({ title, fields }) =>
              html`<fieldset key=${title}><legend>${title}</legend><div class="fields">${fields.map(field)}</div></fieldset>`,
          )}
        </details>`
      }
      <div class="buttons">
        <${Doing} needs="ADMIN" type="submit" class="primary" disabled=${busy}>Save</${Doing}>
        <${Doing} needs="ADMIN" disabled=${busy || (!texts.apiUrl && !config)} onClick=${test}>Test the connection</${Doing}>
        ${cancel && html`<button type="button" onClick=${cancel}>Cancel</button>`}
        ${config && html`<${Doing} needs="ADMIN" class="danger" disabled=${busy} onClick=${remove}>Delete</${Doing}>`}
      </div>
      <div role="status">${result && html`<${Result} result=${result} />`}</div>
    </form>
  `;
}

const Stored = ({ config: { summary, revision, settingsHash, updatedAt } }) => html`
  <p class="summary">${summary}</p>
  <dl class="facts">
    <${Fact} name="Revision">${revision}</${Fact}>
    <${Fact} name="Saved"><${Age} iso=${updatedAt} /></${Fact}>
    ${settingsHash && html`<${Fact} name="Settings hash"><${Hash} value=${settingsHash} /></${Fact}>`}
  </dl>
`;

// The form's field that an error is about; null where it is about none.
function fieldOf({ result, code }, texts) {
  const named = result?.field?.split(".").at(-1) ?? null;
  const field = named === "agent" || code === "AGENT_NOT_FOUND" ? "name" : named;
  return field in texts ? field : null;
}

// What is typed is tested as typed; a stored key goes only to the address it is stored for.
function tested(agent, texts, input, config) {
  const stored = textsOf(config);
  return config && Object.keys(stored).every((name) => texts[name] === stored[name]) ? { agent } : input;
}

const Result = ({ result }) =>
  result.ok
    ? html`<p>✓ It answered in ${format.duration(result.latencyMs)} (<code>${result.url}</code>).</p>`
    : html`<p class="issue">✕ ${result.problem?.message ?? "It did not answer as an agent needs it."} <span class="quiet">${result.url}, ${format.duration(result.latencyMs)}</span></p>`;
