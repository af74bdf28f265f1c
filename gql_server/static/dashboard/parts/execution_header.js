// The head of an execution's page: state, score, times that count, and why it failed, in words.
import { clock } from "../clock.js";
import { timeline } from "../execution_data.js";
import * as format from "../format.js";
import { html } from "../html.js";
import { Link } from "../router.js";
import { useStore } from "../use_store.js";
import { Age, BenchmarkName, Elapsed, Fact, Progress, Scores, Solved, Status } from "./basics.js";
import { batchName } from "./batch_state.js";
import { Tags } from "./labels.js";
import { Name } from "./name.js";
import { QueuePlace } from "./queue_place.js";
import { Remarks } from "./remarks.js";

const FAILURES = {
  LAUNCH: "The runner could not be started. Check REEV_GQL_RUNNER_COMMAND and `reev-gql doctor`.",
  RUNNER_EXIT:
    "The runner ended with an error and left no result. Its last words are below and under Output.",
  RESULT_MISSING: "The runner ended normally, but wrote no session file.",
  RESULT_UNREADABLE: "The session file is damaged.",
  RESULT_MISMATCH: "The session file belongs to another execution or benchmark.",
  BENCHMARK: "The benchmark was executed, and its result is a failure. Scoring says what was missing.",
  AGENT: "The agent failed.",
  NOT_RUNNABLE: "This runner cannot execute this benchmark.",
  TIMEOUT: "The time limit was reached, and the runner was ended.",
  LOST: "Nothing is known of the runner any more, and it left no result.",
  ENDPOINT: "The endpoint of the agent's model gave no usable answer. This does not count against the agent.",
};

const STARTED_BY = {
  REQUESTED: "this server",
  OBSERVED: "somebody else; observed",
  IMPORTED: "reev; imported",
};

export function Header({ execution, children }) {
  const { benchmark, benchmarkId, benchmarkRevision, agent, failure } = execution;
  return html`
    <section class="surface" aria-label="Summary">
      <p class="big"><${Solved} solved=${execution.solved} /> ${format.scoreOf(execution) != null && html`<${Scores} execution=${execution} />`} <${Status} status=${execution.status} /></p>
      <p><${BenchmarkName} id=${benchmarkId} /> by <${Link} href=${`/agents/${encodeURIComponent(agent)}`}><${Name} text=${agent} most=${48} /></${Link}></p>
      ${benchmark && html`<p class="quiet">${benchmark.description}</p>`}
      <${Progress} execution=${execution} />
      ${execution.status === "QUEUED" && html`<${QueuePlace} id=${execution.id} asked=${execution.queuePosition} />`}
      ${failure && html`<${Why} failure=${failure} />`}
      <${Remarks} execution=${execution} />
      <dl class="facts">
        <${Fact} name="Time"><${Elapsed} execution=${execution} /></${Fact}>
        <${Fact} name="The runner reported">${{ true: "success", false: "no success" }[execution.success] ?? format.UNKNOWN}</${Fact}>
        ${execution.isAttempt === false && html`<${Fact} name="Counts as an attempt">no: it says nothing about the agent</${Fact}>`}
        <${Fact} name="Requested"><${Age} iso=${execution.queuedAt} /></${Fact}>
        <${Fact} name="Last activity"><${Age} iso=${execution.lastActivityAt} /></${Fact}>
        <${Fact} name="Time limit">${format.duration(execution.timeoutMs)}</${Fact}>
        <${Fact} name="Started by">${STARTED_BY[execution.origin]}</${Fact}>
        ${execution.exitCode != null && html`<${Fact} name="Exit code">${execution.exitCode}</${Fact}>`}
        ${execution.startupTimeMs != null && html`<${Fact} name="Start-up">${format.duration(execution.startupTimeMs)}</${Fact}>`}
        ${execution.runnerPlace?.actor && html`<${Fact} name="Runs on"><${Place} place=${execution.runnerPlace} /></${Fact}>`}
        ${execution.priority !== 0 && html`<${Fact} name="Priority">${execution.priority}</${Fact}>`}
        <${Fact} name="Benchmark revision">${benchmarkRevision ?? format.UNKNOWN}</${Fact}>
        ${execution.batch && html`<${Fact} name="Batch"><${Link} href=${`/batches/${execution.batch.id}`}>${batchName(execution.batch)}</${Link}></${Fact}>`}
        ${execution.tags.length > 0 && html`<${Fact} name="Tags"><${Tags} tags=${execution.tags} href="/executions?label=" /></${Fact}>`}
        ${execution.rerunOf && html`<${Fact} name="Repeats"><${Link} href=${`/executions/${execution.rerunOf.id}`}>${execution.rerunOf.id.slice(-8)}</${Link}></${Fact}>`}
      </dl>
      ${children}
    </section>
  `;
}

// Beside its worker there is nothing to tell.
const Place = ({ place: { launcher, node, actor, processId } }) => html`
  <span title=${`Actor ${actor}`}>${node ? html`<${Name} text=${node} most=${48} />, process ${processId}` : "a node that is not known yet"} (${launcher})</span>
`;

const Why = ({ failure }) => html`
  <div class="error-note">
    <p><strong>${FAILURES[failure.kind] ?? failure.kind}</strong>${failure.exitSignal && ` It was ended by ${failure.exitSignal}.`}</p>
    <pre class="code wrap">${failure.message}</pre>
  </div>
`;

export function Timeline({ execution, events }) {
  const now = useStore(clock);
  const states = timeline(execution, events, now);
  if (states.length === 0) return null;
  return html`
    <ol class="timeline" aria-label="States it went through">
      ${states.map(
        ({ status, at, ms, open, recordedAt }) => html`
          <li key=${at + status} data-open=${open}>
            <${Status} status=${status} />
            <time class="quiet" datetime=${at} title=${format.moment(at)}>${format.moment(at)}</time>
            ${ms != null && html`<span class="quiet counting">${open ? format.counting(ms) : format.duration(ms)}</span>`}
            ${recordedAt && html`<span class="quiet">recorded here <time datetime=${recordedAt}>${format.moment(recordedAt)}</time></span>`}
          </li>
        `,
      )}
    </ol>
  `;
}
