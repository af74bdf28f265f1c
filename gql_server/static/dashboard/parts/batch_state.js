// How far a batch has come, and what can be done with it.
import { rerunBatch, stopBatch } from "../actions.js";
import * as format from "../format.js";
import { html, useState } from "../html.js";
import { Doing } from "./doing.js";

const WORDS = [
  ["queued", "waiting"],
  ["running", "running"],
  ["stopping", "stopping"],
  ["succeeded", "succeeded"],
  ["failed", "failed"],
  ["timedOut", "timed out"],
  ["stopped", "stopped"],
  ["lost", "lost"],
];

export const batchName = ({ id, name }) => name ?? `Batch ${id.slice(0, 8)}`;

export function BatchState({ batch: { progress, timeLeftMs }, counts = false }) {
  // Not the size it began with: one that was lost may have been requested again.
  const size = progress.ended + progress.queued + progress.running + progress.stopping;
  const parts = WORDS.filter(([field]) => progress[field] > 0).map(
    ([field, words]) => `${format.count(progress[field])} ${words}`,
  );
  return html`
    <span class="progress batch-state">
      ${!progress.isOver && html`<progress class="bar" aria-label="Ended executions" max=${size} value=${progress.ended}></progress>`}
      <span>${progress.isOver ? `✓ ${format.count(size)} ended` : `▶ ${format.count(progress.ended)} of ${format.count(size)} ended`}</span>
      ${!progress.isOver && timeLeftMs != null && html`<span class="quiet">about ${format.counting(timeLeftMs)} left</span>`}
    </span>
    ${counts && html`<p class="quiet">${parts.join(", ")}</p>`}
  `;
}

const ONLY = [
  ["ALL", "all of it"],
  ["FAILED", "what failed"],
  ["NOT_SOLVED", "what was not solved"],
  ["EXCLUDED", "what does not count"],
];

export function BatchActions({ batch: { id, progress } }) {
  const [only, setOnly] = useState("ALL");
  return html`
    ${!progress.isOver && html`<${Doing} class="danger" onClick=${() => stopBatch(id)}>Stop the batch</${Doing}>`}
    <span class="joined">
      <${Doing} class="primary" onClick=${() => rerunBatch(id, only)}>Run again</${Doing}>
      <select aria-label="What to run again" value=${only} onChange=${(event) => setOnly(event.target.value)}>
        ${ONLY.map(([value, words]) => html`<option key=${value} value=${value}>${words}</option>`)}
      </select>
    </span>
  `;
}
