// What is odd about an execution and should be known: stopped by the server, processes left, other results, things gone.
import * as format from "../format.js";
import { html } from "../html.js";
import { Age } from "./basics.js";

export function Remarks({
  execution: { stopReason, stopRequestedAt, leakedProcesses = [], conflicts = [], remarks = [], pruned },
}) {
  return html`
    ${stopReason && html`<p class="issue"><strong>The server stopped it:</strong> ${stopReason}</p>`}
    ${!stopReason && stopRequestedAt && html`<p class="quiet">A stop was asked for <${Age} iso=${stopRequestedAt} />.</p>`}
    ${leakedProcesses.length > 0 && html`<${Leaked} processes=${leakedProcesses} />`}
    ${conflicts.map(
      ({ file, reason, seenAt }) =>
        html`<p key=${file + seenAt} class="issue"><strong>Another session file was found and not used:</strong> ${reason} <code>${file}</code>, <${Age} iso=${seenAt} /></p>`,
    )}
    ${remarks.length > 0 && html`<${OfFiles} remarks=${remarks} />`}
    ${pruned && html`<${Gone} pruned=${pruned} />`}
  `;
}

// A log may have a thousand bad lines; the first ones tell what is wrong with it, the others are folded.
const SHOWN = 20;

const OfFiles = ({ remarks }) => html`
  <p class="issue"><strong>Not all of its tool log was used as it stands:</strong></p>
  <${RemarkList} remarks=${remarks.slice(0, SHOWN)} />
  ${
    remarks.length > SHOWN &&
    html`<details><summary>${format.count(remarks.length - SHOWN)} more of ${format.count(remarks.length)}</summary><${RemarkList} remarks=${remarks.slice(SHOWN)} /></details>`
  }
`;

const RemarkList = ({ remarks }) => html`
  <ul class="issue">
    ${remarks.map(
      ({ file, line, message }, number) =>
        html`<li key=${number}><code>${file}${line ? `:${line}` : ""}</code> ${message}</li>`,
    )}
  </ul>
`;

const Leaked = ({ processes }) => html`
  <p class="issue">
    <strong>Processes of its runner could not be ended</strong> and should be looked after on the worker's machine:
    ${processes.map(({ pid, name }) => html` <code key=${pid}>${name || "?"} (${pid})</code>`)}
  </p>
`;

// Kept are state, score, failure, scoring and assertions; the tabs of what is gone are empty.
function Gone({ pruned: { prunedAt, events, steps, toolCalls, outputBytes } }) {
  const gone = [
    [toolCalls, "tool calls"],
    [steps, "steps"],
    [events, "events"],
  ]
    .filter(([number]) => number > 0)
    .map(([number, what]) => `${format.count(number)} ${what}`);
  if (outputBytes > 0) gone.push(`${format.bytes(outputBytes)} of output`);
  return html`
    <p class="issue">
      <strong>Retention deleted the bulk of it</strong> on ${format.moment(prunedAt)}: ${gone.join(", ") || "nothing that was counted"}.
      State, scores, scoring and assertions are kept.
    </p>
  `;
}
