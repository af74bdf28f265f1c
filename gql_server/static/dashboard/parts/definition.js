// A benchmark's definition as people read it: the prompt, the accounts before, what must be true afterwards.
import * as format from "../format.js";
import { html } from "../html.js";

export function Definition({ benchmark: { prompt, flowSteps, initialState, groundTruth } }) {
  return html`
    <section class="surface" aria-label="Prompt"><h2>Prompt</h2><p class="said">${prompt}</p></section>
    ${flowSteps?.length ? html`<${Flow} steps=${flowSteps} />` : null}
    ${initialState && html`<${Accounts} accounts=${initialState} />`}
    ${groundTruth && html`<${Truth} truth=${groundTruth} />`}
  `;
}

const Flow = ({ steps }) => html`
  <section class="surface" aria-label="Steps">
    <h2>Steps</h2>
    <ol>${steps.map((step) => html`<li key=${step.step}><strong>${step.description}</strong>${step.critical ? "" : " (not critical)"}<p class="said">${step.prompt}</p></li>`)}</ol>
  </section>
`;

const Accounts = ({ accounts }) => html`
  <h2>Before the agent acts</h2>
  <div class="table-frame" tabindex="0" role="region" aria-label="Accounts before">
    <table>
      <thead><tr><th scope="col">Account</th><th scope="col">Owner</th><th scope="col">Lamports</th><th scope="col">Tokens</th></tr></thead>
      <tbody>
        ${accounts.map(
          (account, index) => html`
            <tr key=${index}>
              <th scope="row" class="mono">${account.pubkey}</th>
              <td class="mono">${account.owner}</td>
              <td>${account.lamports ?? format.UNKNOWN}</td>
              <td>${account.data ? `${account.data.amount ?? format.UNKNOWN} of ${account.data.mint ?? format.UNKNOWN}, owned by ${account.data.owner ?? format.UNKNOWN}` : format.UNKNOWN}</td>
            </tr>
          `,
        )}
      </tbody>
    </table>
  </div>
`;

function Truth({ truth }) {
  return html`
    <h2>What must be true afterwards</h2>
    <p class="quiet">
      ${truth.transactionStatus && `The transaction is expected to end as ${truth.transactionStatus}. `}
      ${truth.minScore != null && `A score of at least ${format.score(truth.minScore)} is asked for. `}
      ${truth.skipInstructionValidation && "Instructions are not compared. "}
    </p>
    <div class="table-frame" tabindex="0" role="region" aria-label="Assertions">
      <table>
        <thead><tr><th scope="col">Assertion</th><th scope="col">Account</th><th scope="col">Conditions</th><th scope="col">Weight</th></tr></thead>
        <tbody>
          ${truth.finalStateAssertions.map(
            (assertion, index) => html`
              <tr key=${index}>
                <th scope="row">${assertion.type}${assertion.evaluable ? null : html`<p class="issue">not evaluable: ${assertion.whyNotEvaluable}</p>`}</th>
                <td class="mono">${assertion.pubkey ?? format.UNKNOWN}</td>
                <td class="mono">${JSON.stringify(assertion.conditions)}</td>
                <td>${assertion.weight}</td>
              </tr>
            `,
          )}
        </tbody>
      </table>
    </div>
    ${truth.expectedInstructions.map(
      (instruction, index) => html`
        <section class="surface" key=${index} aria-label=${`Expected instruction ${index + 1}`}>
          <h3>Expected instruction ${index + 1}: program <code>${instruction.programId ?? "any"}</code> (${instruction.programIdWeight})</h3>
          <p class="quiet">Data <code>${instruction.data ?? format.UNKNOWN}</code> ${instruction.dataWeight != null && `(${instruction.dataWeight})`}</p>
          <ol class="accounts">
            ${instruction.accounts.map(
              (account, number) =>
                html`<li key=${number}><code>${account.pubkey}</code> ${account.isSigner && html`<span class="tag">signer</span>`} ${account.isWritable && html`<span class="tag">writable</span>`} <span class="quiet">(${account.weight})</span></li>`,
            )}
          </ol>
        </section>
      `,
    )}
  `;
}
