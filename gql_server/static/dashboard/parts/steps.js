// What the agent was asked and what it sent, step by step.
import * as format from "../format.js";
import { html } from "../html.js";

export function Steps({ steps, prompt }) {
  return html`
    ${prompt && html`<section class="surface" aria-label="Prompt"><h2>Prompt</h2><p class="said">${prompt}</p></section>`}
    ${steps.length === 0 && html`<p class="quiet">There are no steps: they come with the result.</p>`}
    ${steps.map(
      (step) => html`
        <section class="surface" key=${step.ordinal} aria-label=${`Step ${step.ordinal}`}>
          <h2>Step ${step.ordinal}: ${step.observation.status ?? format.UNKNOWN}</h2>
          ${step.thought && html`<p class="said">${step.thought}</p>`}
          ${step.observation.error && html`<pre class="code wrap">${step.observation.error}</pre>`}
          ${step.instructions.map((instruction, number) => html`<${Instruction} key=${number} instruction=${instruction} />`)}
        </section>
      `,
    )}
  `;
}

const Instruction = ({ instruction: { programId, data, accounts } }) => html`
  <h3>Program <code>${programId ?? format.UNKNOWN}</code></h3>
  <ol class="accounts">
    ${accounts.map(
      ({ pubkey, isSigner, isWritable }, index) => html`
        <li key=${index}><code>${pubkey ?? format.UNKNOWN}</code> ${isSigner && html`<span class="tag">signer</span>`} ${isWritable && html`<span class="tag">writable</span>`}</li>
      `,
    )}
  </ol>
  <p class="quiet">Data <code>${data ?? format.UNKNOWN}</code></p>
`;
