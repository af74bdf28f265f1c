// Every agent with its figures, side by side.
import * as format from "../format.js";
import { html } from "../html.js";
import { useLiveQuery } from "../live_query.js";
import { AgentForm, OWN_RUNNER } from "../parts/agent_form.js";
import { ENDS_STREAM, useEnds } from "../parts/ends.js";
import { MeanScore, Score, SolveRate, Sparkline } from "../parts/basics.js";
import { Doing } from "../parts/doing.js";
import { Shown } from "../parts/notices.js";
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
      ${({ agents, agentPerformance }) => html`<${Table} agents=${agents} performance=${agentPerformance} />`}
    </${Shown}>
  `;
}

function Table({ agents, performance }) {
  const names = [...new Set([...agents.map(({ name }) => name), ...performance.map(({ agent }) => agent)])];
  return html`
    <div class="table-frame" tabindex="0" role="region" aria-label="Agents">
      <table>
        <thead><tr><th scope="col">Agent</th><th scope="col">Model</th><th scope="col">Ended</th><th scope="col">Solved</th><th scope="col">Mean score</th><th scope="col">Latest</th><th scope="col">Mean time</th><th scope="col">By day</th></tr></thead>
        <tbody>
          ${names.map((name) => html`<${Row} key=${name} name=${name} agent=${agents.find((agent) => agent.name === name)} figures=${performance.find((one) => one.agent === name)} />`)}
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
    ? html`<span title=${agent.config.summary}>${agent.config.model ?? agent.config.summary}</span>`
    : html`<span class="quiet">not configured</span>`;
}

const Row = ({ name, agent, figures }) => html`
  <tr>
    <th scope="row"><${Link} href=${`/agents/${encodeURIComponent(name)}`}>${name}</${Link}></th>
    <td><${What} agent=${agent} /></td>
    <td>${format.count(figures?.executions)}</td>
    <td><${SolveRate} figures=${figures} label=${`Solve rate of ${name}`} /></td>
    <td><${MeanScore} figures=${figures} /></td>
    <td><${Score} value=${figures?.recomputed.latest ?? figures?.reported.latest} /></td>
    <td>${format.duration(figures?.executionTime.meanMs)}</td>
    <td>${figures && html`<${Sparkline} values=${figures.overTime.map((bucket) => bucket.meanComputedScore ?? bucket.meanScore)} label=${`Mean scores of ${name} by day`} />`}</td>
  </tr>
`;
