// The agent's tool calls as they happen, with what they were given and what they returned.
import * as format from "../format.js";
import { html } from "../html.js";
import { Json } from "./basics.js";

const WORDS = {
  SUCCESS: "succeeded",
  ERROR: "failed",
  TIMEOUT: "took too long",
  UNFINISHED: "no answer yet",
};

export function ToolCalls({ calls, isLive }) {
  if (calls.length === 0) {
    return html`<p class="quiet">${isLive ? "The agent has called no tool yet. Calls appear here as they happen." : "The agent called no tool."}</p>`;
  }
  return html`
    <ol class="calls" aria-label="Tool calls">
      ${calls.map(
        (call) => html`
          <li key=${call.ordinal} data-status=${call.status}>
            <details>
              <summary>
                <strong class="mono">${call.name}</strong>
                <span class="call-status" data-status=${call.status}>${WORDS[call.status]}</span>
                <span class="quiet counting">${format.duration(call.durationMs)}</span>
                ${call.rawName !== call.name && html`<span class="quiet">logged as <code>${call.rawName}</code></span>`}
              </summary>
              ${call.errorMessage && html`<h3>Error</h3><pre class="code wrap">${call.errorMessage}</pre>`}
              <h3>Parameters</h3><${Json} value=${call.params} />
              <h3>Result</h3><${Json} value=${call.result} />
              <p class="quiet">${format.moment(call.startedAt)} to ${format.moment(call.endedAt)}</p>
            </details>
          </li>
        `,
      )}
    </ol>
  `;
}
