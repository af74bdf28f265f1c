// How the result was judged: what the file reports, what was computed here, and each assertion beside it.
import * as format from "../format.js";
import { html } from "../html.js";
import { Score } from "./basics.js";

export function Scoring({ execution: { score, scoring, scoringProblem, assertions } }) {
  return html`
    <div class="columns">
      <section class="surface" aria-label="Computed score">
        <h2>Score</h2>
        ${scoring ? html`<${Computed} scoring=${scoring} />` : html`<p class="quiet">${scoringProblem ? `No score can be computed: ${scoringProblem}` : "Nothing was computed here: there is no result, or the benchmark is not known."}</p>`}
        <p class="quiet">The session file reports <${Score} value=${score} />.</p>
      </section>
      <section class="surface" aria-label="Assertions">
        <h2>Assertions</h2>
        ${assertions ? html`<${Assertions} assertions=${assertions} />` : html`<p class="quiet">There is no result to check them on.</p>`}
      </section>
    </div>
  `;
}

function Computed({ scoring }) {
  const { issues, details, instructions, instructionsSkipped } = scoring;
  return html`
    <p>Computed here: <${Score} value=${scoring.score} /> = 0.75 × ${format.share(scoring.instructionScore)} (instructions) + 0.25 × ${format.share(scoring.onchainScore)} (on chain); rule ${scoring.version}, ${scoring.passed ? "passed" : "not passed"}</p>
    ${instructionsSkipped && html`<p class="quiet">The ground truth says not to compare instructions.</p>`}
    ${[...issues, ...details].map((text) => html`<p key=${text} class="issue">${text}</p>`)}
    ${instructions.map(
      (instruction) => html`
        <details key=${instruction.index}>
          <summary>Instruction ${instruction.index + 1}: ${instruction.achieved} of ${instruction.possible} points</summary>
          <div class="table-frame" tabindex="0" role="region" aria-label=${`Points of instruction ${instruction.index + 1}`}><table>
            <thead><tr><th scope="col">What</th><th scope="col">Points</th><th scope="col">Expected</th><th scope="col">Actual</th></tr></thead>
            <tbody>
              ${instruction.parts.map(
                (part, number) => html`
                  <tr key=${number} data-matched=${part.matched}>
                    <th scope="row">${part.matched ? "✓" : "✕"} ${part.what.replace("_", " ")}${part.index != null ? ` ${part.index + 1}` : ""}</th>
                    <td>${part.matched ? part.weight : 0} / ${part.weight}</td>
                    <td class="mono">${compact(part.expected)}</td>
                    <td class="mono">${compact(part.actual)}${part.why && html`<p class="quiet">${part.why}</p>`}</td>
                  </tr>
                `,
              )}
            </tbody>
          </table></div>
        </details>
      `,
    )}
  `;
}

const OUTCOMES = { PASSED: "✓ passed", FAILED: "✕ failed", NOT_EVALUABLE: "? not evaluable" };

function Assertions({ assertions }) {
  if (assertions.length === 0) return html`<p class="quiet">The benchmark makes none.</p>`;
  return html`
    <div class="table-frame" tabindex="0" role="region" aria-label="Assertions with expected and actual values">
      <table>
        <thead><tr><th scope="col">Assertion</th><th scope="col">Outcome</th><th scope="col">Expected</th><th scope="col">Actual</th></tr></thead>
        <tbody>
          ${assertions.map(
            (assertion) => html`
              <tr key=${assertion.index}>
                <th scope="row">${assertion.description}</th>
                <td><span class="assertion" data-outcome=${assertion.outcome}>${OUTCOMES[assertion.outcome]}</span></td>
                <td class="mono">${compact(assertion.expected)}</td>
                <td class="mono">${compact(assertion.actual)}${assertion.reason && html`<p class="quiet">${assertion.reason}</p>`}</td>
              </tr>
            `,
          )}
        </tbody>
      </table>
    </div>
  `;
}

const compact = (value) =>
  value == null ? format.UNKNOWN : typeof value === "string" ? value : JSON.stringify(value);
