// One execution, live: how it stands, what the agent did, what it printed, and how that was judged.
import { rerun, stop, tagExecution } from "../actions.js";
import { documentText } from "../documents.js";
import { withEvent } from "../execution_data.js";
import * as format from "../format.js";
import { html, useEffect, useState } from "../html.js";
import { useLiveQuery } from "../live_query.js";
import { Copy, Panel, Tabs } from "../parts/basics.js";
import { Conversation } from "../parts/conversation.js";
import { Doing } from "../parts/doing.js";
import { Header, Timeline } from "../parts/execution_header.js";
import { Flow } from "../parts/flow.js";
import { LabelForm } from "../parts/labels.js";
import { Empty, Shown } from "../parts/notices.js";
import { Output } from "../parts/output.js";
import { Scoring } from "../parts/scoring.js";
import { Steps } from "../parts/steps.js";
import { Text } from "../parts/text.js";
import { ToolCalls } from "../parts/tool_calls.js";
import { Transactions } from "../parts/transactions.js";
import { Link, usePage, useSearch } from "../router.js";

const TABS = [
  ["conversation", "Conversation"],
  ["calls", "Tool calls"],
  ["output", "Output"],
  ["trace", "Trace"],
  ["transactions", "Transactions"],
  ["flow", "Flow"],
  ["scoring", "Scoring"],
  ["steps", "Steps"],
];

const streamOf = (id) => ({
  document: "execution_events",
  variables: { id },
  resume: ({ executionEvents: { kind, seq } }) => (kind === "SNAPSHOT" ? {} : { after: seq }),
  apply: withEvent,
});

export function ExecutionPage({ id }) {
  const heading = usePage(`Execution ${id.slice(-8)}`);
  const live = useLiveQuery({ key: id, query: "execution", variables: { id }, streams: [streamOf(id)] });
  const outdated = live.data?.outdated;
  useEffect(() => {
    if (outdated) live.reload();
  }, [outdated]);
  if (["EXECUTION_NOT_FOUND", "INVALID_ID"].includes(live.error?.code)) return html`<${Missing} id=${id} />`;
  return html`
    <h1 ref=${heading} tabindex="-1">Execution <span class="mono">${id.slice(-8)}</span></h1>
    <${Shown} live=${live} what="the execution">
      ${({ execution, events = [] }) => (execution ? html`<${Execution} execution=${execution} events=${events} refresh=${live.reload} />` : html`<${Missing} id=${id} />`)}
    </${Shown}>
  `;
}

const Missing = ({ id }) => html`
  <${Empty} title="There is no such execution">
    <p><code>${id}</code> is not known here. It may have been mistyped, or belong to another server.</p>
    <p><${Link} href="/executions">All executions</${Link}></p>
  </${Empty}>
`;

function Execution({ execution, events, refresh }) {
  const [{ tab }, change] = useSearch();
  const chosen = TABS.some(([id]) => id === tab)
    ? tab
    : asksModel(execution, events)
      ? "conversation"
      : "calls";
  return html`
    <${Header} execution=${execution}><${Actions} execution=${execution} refresh=${refresh} /></${Header}>
    <${Timeline} execution=${execution} events=${events} />
    <${Tabs} label="Parts of the execution" tabs=${TABS} chosen=${chosen} choose=${(id) => change({ tab: id })} />
    <${Panel} id=${chosen}><${Part} tab=${chosen} execution=${execution} /></${Panel}>
  `;
}

// What its reader looks for first is what was said, where anything was.
// A page that was opened before its runner has started learns of it by the first message.
const asksModel = ({ usage, agentRevision, conversation }, events) =>
  Boolean(usage ?? agentRevision) ||
  conversation.edges.length > 0 ||
  events.some(({ kind }) => kind === "MESSAGE");

function Part({ tab, execution }) {
  switch (tab) {
    case "conversation":
      return html`<${Conversation} key=${execution.id} execution=${execution} />`;
    case "output":
      return html`<${Output} executionId=${execution.id} isLive=${format.isLive(execution.status)} />`;
    case "trace":
      return html`<${Text} text=${execution.trace} name="trace" />`;
    case "transactions":
      return html`<${Transactions} logs=${execution.transactionLogs} />`;
    case "flow":
      return html`<${Flow} flow=${execution.flow} />`;
    case "scoring":
      return html`<${Scoring} execution=${execution} />`;
    case "steps":
      return html`<${Steps} steps=${execution.steps} prompt=${execution.prompt} />`;
    default:
      return html`<${ToolCalls} calls=${execution.toolCalls} isLive=${format.isLive(execution.status)} />`;
  }
}

function Actions({ execution, refresh }) {
  const [editing, setEditing] = useState(false);
  const { id, status, origin } = execution;
  const query = () => `${documentText("execution")}\n\n# variables\n${JSON.stringify({ id }, null, 2)}\n`;
  const save = async (changes) => {
    const done = await tagExecution(id, changes);
    if (done) refresh();
    return done;
  };
  if (editing) return html`<${LabelForm} of=${execution} save=${save} close=${() => setEditing(false)} />`;
  return html`
    <div class="buttons">
      ${
        format.isLive(status) && origin === "REQUESTED"
          ? html`<${Doing} class="danger" disabled=${status === "STOPPING"} onClick=${() => stop(id)}>Stop</${Doing}>`
          : null
      }
      <${Doing} class="primary" onClick=${() => rerun(id)}>Run again</${Doing}>
      <${Doing} onClick=${() => setEditing(true)}>Tags</${Doing}>
      <${Link} href=${`/executions?compare=${id}`}>Compare with another</${Link}>
      <${Copy} text=${query} label="Copy the GraphQL query" />
    </div>
  `;
}
