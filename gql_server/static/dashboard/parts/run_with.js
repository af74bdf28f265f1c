// Runs one benchmark with an agent of the viewer's choice, which is remembered for the session, once or several times.
import { runMany, runOne } from "../actions.js";
import { html, useState } from "../html.js";
import { go, Link } from "../router.js";
import { Doing } from "./doing.js";

const KEY = "reev-gql-agent";
const MOST = 100;

export function RunWith({ id, agents }) {
  const [wanted, setWanted] = useState(() => sessionStorage.getItem(KEY));
  const [times, setTimes] = useState("1");
  const withModel = agents.find(({ usesModel, config }) => usesModel && config);
  const chosen = (agents.find(({ name }) => name === wanted) ?? withModel ?? agents[0])?.name;
  const repeats = /^[1-9][0-9]{0,2}$/.test(times) && Number(times) <= MOST ? Number(times) : 0;
  const choose = (event) => {
    sessionStorage.setItem(KEY, event.target.value);
    setWanted(event.target.value);
  };
  const run = async (event) => {
    event.preventDefault();
    if (repeats > 1) return runMany({ benchmarkIds: [id], agents: [chosen], repeats });
    const done = await runOne(id, chosen);
    if (done) go(`/executions/${done.execution.id}`);
  };
  return html`
    <form class="run-with" onSubmit=${run}>
      <span class="joined">
        <${Doing} type="submit" class="primary" disabled=${!chosen || repeats === 0}>Run with</${Doing}>
        <select aria-label="Agent" value=${chosen} onChange=${choose}>
          ${agents.map((agent) => html`<option key=${agent.name} value=${agent.name} selected=${agent.name === chosen}>${agentWords(agent)}</option>`)}
        </select>
      </span>
      <label title=${`1 to ${MOST}; several are one batch`}>Times <input type="number" min="1" max=${MOST} required value=${times} onInput=${(event) => setTimes(event.target.value)} /></label>
      ${!agents.some(({ usesModel }) => usesModel) && html`<${Link} href="/agents?edit=new">Add an agent with a model</${Link}>`}
    </form>
  `;
}

// Whether it is known here how it reaches its model, if it has one. Others may still do: the runner may know.
export const isReady = ({ usesModel, config }) => !usesModel || config !== null;

// An agent's name, and what a viewer should know before choosing it.
export const agentWords = (agent) => {
  if (!agent.usesModel) return `${agent.name} (reference answer)`;
  return isReady(agent) ? agent.name : `${agent.name} (not configured)`;
};
