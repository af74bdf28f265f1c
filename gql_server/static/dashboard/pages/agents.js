// Every agent with its figures, side by side.
import * as format from "../format.js";
import { html } from "../html.js";
import { useLiveQuery } from "../live_query.js";
import { AgentForm, OWN_RUNNER } from "../parts/agent_form.js";
import { ENDS_STREAM, useEnds } from "../parts/ends.js";
import { Score } from "../parts/basics.js";
import { Doing } from "../parts/doing.js";
import { Name } from "../parts/name.js";
import { Shown } from "../parts/notices.js";
import { Rest } from "../parts/pager.js";
import { AgentRate } from "../parts/rates.js";
import { Sparkline } from "../parts/sparkline.js";
import { UNKNOWN_AGENT } from "../grid_data.js";
import { go, Link, usePage, useSearch } from "../router.js";

export function AgentsPage() {
  const heading = usePage("Agents");
  const [{ edit }, change] = useSearch();
  const live = useLiveQuery({ key: "agents", query: "agents", streams: [ENDS_STREAM()] });
  useEnds(live);
  return html`
    <h1 ref=${heading} tabindex="-1">Agents</h1>
    ${
      OWN_RUNNER && edit === "new"
        ? html`<${AgentForm} name=${null} saved=${(name) => go(`/agents/${encodeURIComponent(name)}`)} cancel=${() => change({ edit: null })} />`
        : OWN_RUNNER &&
          html`<div class="buttons"><${Doing} needs="ADMIN" class="primary" onClick=${() => change({ edit: "new" }, {})}>Add an agent</${Doing}></div>`
    }
    <${Shown} live=${live} what="agents">
      ${({ agentNames, agents, agentPerformance, leaderboard }) => html`<${Table} names=${agentNames.filter((name) => name !== UNKNOWN_AGENT)} agents=${agents} performance=${agentPerformance} all=${leaderboard.entries} /><${Rest} leaderboard=${leaderboard} />`}
    </${Shown}>
  `;
}

// What to do where no model can be asked so far.
const NoModel = ({ agents }) =>
  OWN_RUNNER && agents.every(({ usesModel, config }) => !usesModel || !config)
    ? html`<p class="issue">No agent with a model can be run so far: only the reference answer. Add an agent with the address of its model.</p>`
    : null;

function Table({ names, agents, performance, all }) {
  return html`
    <${NoModel} agents=${agents} />
    <div class="table-frame" tabindex="0" role="region" aria-label="Agents">
      <table>
        <thead><tr><th scope="col">Agent</th><th scope="col">Model</th><th scope="col">Solved</th><th scope="col">Solve rate by day</th></tr></thead>
        <tbody>
          ${names.map((name) => html`<${Row} key=${name} name=${name} agent=${agents.find((agent) => agent.name === name)} days=${performance.find(({ agent }) => agent === name)?.overTime} entries=${all.filter(({ agent }) => agent === name)} />`)}
        </tbody>
      </table>
    </div>
  `;
}

// What an agent is, in a few words; null for one that this server cannot execute with.
function What({ agent }) {
  if (!agent) return html`<span class="quiet">observed or imported only</span>`;
  if (!agent.usesModel)
    return html`<span class="quiet">none: the reference answer, which proves that a benchmark can be solved</span>`;
  return agent.config
    ? html`<span title=${agent.config.summary}><${Name} text=${agent.config.model ?? agent.config.summary} most=${40} /></span>`
    : html`<span class="quiet">not configured</span>`;
}

const Row = ({ name, agent, days, entries }) => html`
  <tr>
    <th scope="row"><${Link} href=${`/agents/${encodeURIComponent(name)}`}><${Name} text=${name} /></${Link}></th>
    <td><${What} agent=${agent} /></td>
    <td>
      <${AgentRate} name=${name} entries=${entries} config=${agent?.config}>
        ${(figures) => html`<p class="quiet">mean score <${Score} value=${figures.meanScore} /> · ${format.duration(figures.meanTimeMs)} on average</p>`}
      </${AgentRate}>
    </td>
    <td>${days && entries.length === 1 && html`<${Sparkline} values=${days.map(({ solveRate }) => solveRate)} label=${`Solve rates of ${name} by day`} />`}</td>
  </tr>
`;
