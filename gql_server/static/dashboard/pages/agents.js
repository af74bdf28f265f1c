// Every agent with its figures, side by side.
import * as format from "../format.js";
import { html } from "../html.js";
import { useLiveQuery } from "../live_query.js";
import { ENDS_STREAM, useEnds } from "../parts/ends.js";
import { Bar, Score, Sparkline } from "../parts/basics.js";
import { Shown } from "../parts/notices.js";
import { Link, usePage } from "../router.js";

export function AgentsPage() {
  const heading = usePage("Agents");
  const live = useLiveQuery({ key: "agents", query: "agents", streams: [ENDS_STREAM()] });
  useEnds(live);
  return html`
    <h1 ref=${heading} tabindex="-1">Agents</h1>
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
        <thead><tr><th scope="col">Agent</th><th scope="col">Model</th><th scope="col">Ended</th><th scope="col">Success</th><th scope="col">Mean score</th><th scope="col">Latest</th><th scope="col">Mean time</th><th scope="col">By day</th></tr></thead>
        <tbody>
          ${names.map((name) => html`<${Row} key=${name} name=${name} config=${agents.find((agent) => agent.name === name)?.config} figures=${performance.find((one) => one.agent === name)} />`)}
        </tbody>
      </table>
    </div>
  `;
}

const Row = ({ name, config, figures }) => html`
  <tr>
    <th scope="row"><${Link} href=${`/agents/${encodeURIComponent(name)}`}>${name}</${Link}></th>
    <td>${config?.model ?? html`<span class="quiet">${name === "deterministic" ? "none: it asks no model" : "not configured"}</span>`}</td>
    <td>${format.count(figures?.executions)}</td>
    <td>${figures?.successRate == null ? format.UNKNOWN : html`<${Bar} value=${figures.successRate} label=${`Success rate of ${name}`} /> ${format.share(figures.successRate)}`}</td>
    <td><${Score} value=${figures?.recomputed.mean ?? figures?.reported.mean} /></td>
    <td><${Score} value=${figures?.recomputed.latest ?? figures?.reported.latest} /></td>
    <td>${format.duration(figures?.executionTime.meanMs)}</td>
    <td>${figures && html`<${Sparkline} values=${figures.overTime.map((bucket) => bucket.meanRecomputed ?? bucket.meanScore)} label=${`Mean scores of ${name} by day`} />`}</td>
  </tr>
`;
