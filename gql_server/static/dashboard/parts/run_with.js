// Runs one benchmark with an agent of the viewer's choice, which is remembered.
import { runOne } from "../actions.js";
import { html, useState } from "../html.js";
import { go } from "../router.js";
import { Doing } from "./doing.js";

const KEY = "reev-gql-agent";

export function RunWith({ id, agents }) {
  const [wanted, setWanted] = useState(() => localStorage.getItem(KEY));
  const withModel = agents.find(({ usesModel, config }) => usesModel && config);
  const chosen = (agents.find(({ name }) => name === wanted) ?? withModel ?? agents[0])?.name;
  const choose = (event) => {
    localStorage.setItem(KEY, event.target.value);
    setWanted(event.target.value);
  };
  const run = async () => {
    const done = await runOne(id, chosen);
    if (done) go(`/executions/${done.execution.id}`);
  };
  return html`
    <span class="joined">
      <${Doing} class="primary" disabled=${!chosen} onClick=${run}>Run with</${Doing}>
      <select aria-label="Agent" value=${chosen} onChange=${choose}>
        ${agents.map((agent) => html`<option key=${agent.name} value=${agent.name} selected=${agent.name === chosen}>${agentWords(agent)}</option>`)}
      </select>
    </span>
  `;
}

// Whether it is known here how it reaches its model, if it has one. Others may still do: the runner may know.
export const isReady = ({ usesModel, config }) => !usesModel || config !== null;

// An agent's name, and what a viewer should know before choosing it.
export const agentWords = (agent) => {
  if (!agent.usesModel) return `${agent.name} (reference answer)`;
  return isReady(agent) ? agent.name : `${agent.name} (not configured)`;
};
