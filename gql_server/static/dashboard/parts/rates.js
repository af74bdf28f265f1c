// Figures as every page shows them: solved of attempts first, with its interval; what does not count stands beside it.
import * as format from "../format.js";
import { html } from "../html.js";
import { Link } from "../router.js";
import { Name } from "./name.js";

// Why an execution says nothing about its agent.
const REASONS = {
  STOPPED: "stopped",
  LOST: "lost",
  LAUNCH: "whose runner could not be started",
  RUNNER_EXIT: "whose runner ended with an error",
  RESULT_MISSING: "without a session file",
  RESULT_UNREADABLE: "with a damaged session file",
  RESULT_MISMATCH: "with the session file of another",
  NOT_RUNNABLE: "that the runner cannot execute",
  TIMEOUT: "out of time before the runner began",
  ENDPOINT: "whose model's endpoint failed",
};

export const solvedOf = ({ solved, attempts }) =>
  `${format.count(solved)} of ${format.count(attempts)} solved`;

export const rateWords = ({ solveRate, solveRateInterval }) =>
  solveRate == null
    ? "no attempt"
    : `${format.share(solveRate)}, 95 % interval ${format.interval(solveRateInterval)}`;

// The headline of any set of executions: how many of the attempts were solved, and how sure that is.
export const SolveRate = ({ figures, label = "Solve rate" }) =>
  figures?.solveRate == null
    ? html`<span class="quiet">${format.UNKNOWN}</span>`
    : html`
        <span class="rate">
          <strong class="score" data-grade=${format.grade(figures.solveRate)}>${solvedOf(figures)}</strong>
          <${IntervalBar} value=${figures.solveRate} ends=${figures.solveRateInterval} label=${`${label}: ${rateWords(figures)}`} />
          <span class="quiet">${format.share(figures.solveRate)} <span aria-hidden="true">${bounds(figures.solveRateInterval)}</span></span>
        </span>
      `;

// The same of several agents together: a rate of all of them would be nobody's, so their number alone.
export const SolvedOf = ({ figures }) =>
  figures.solveRate == null
    ? html`<span class="quiet">${format.UNKNOWN}</span>`
    : html`<strong class="score" data-grade=${format.grade(figures.solveRate)}>${solvedOf(figures)}</strong>`;

// An interval in little room: "(23–88 %)".
export const bounds = (interval) =>
  interval ? `(${percent(interval.low)}–${percent(interval.high)} %)` : null;
const percent = (value) => Math.round(value * 100);

const [WIDTH, HEIGHT] = [120, 16];

// A value between `low` and `high` with the interval in which the true one lies; in words for those who cannot see it.
export function IntervalBar({ value, ends, label, low = 0, high = 1 }) {
  const x = (number) => 4 + ((Math.min(high, Math.max(low, number)) - low) / (high - low)) * (WIDTH - 8);
  const middle = HEIGHT / 2;
  return html`
    <svg class="interval" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${label}>
      <line class="scale" x1=${x(low)} x2=${x(high)} y1=${middle} y2=${middle} />
      ${low < 0 && html`<line class="zero" x1=${x(0)} x2=${x(0)} y1="1" y2=${HEIGHT - 1} />`}
      ${
        ends &&
        html`<path d=${`M${x(ends.low)} ${middle}H${x(ends.high)}M${x(ends.low)} 4V${HEIGHT - 4}M${x(ends.high)} 4V${HEIGHT - 4}`} />`
      }
      <circle cx=${x(value)} cy=${middle} r="3.5" />
    </svg>
  `;
}

// The executions that are no attempts, by reason; nothing where there are none.
export const Excluded = ({ excluded }) =>
  excluded?.length > 0
    ? html`<p class="quiet">Not counted as attempts: ${excludedWords(excluded)}.</p>`
    : null;

export const excludedWords = (excluded) =>
  excluded
    .map(({ reason, executions }) => `${format.count(executions)} ${REASONS[reason] ?? reason}`)
    .join(", ");

// What settings an agent had, in a few words; its hash tells them apart.
export const Settings = ({ hash, summary }) =>
  hash
    ? html`<span class="settings" title=${hash}><${Name} text=${summary ?? "settings"} most=${48} /> <code>${hash.slice(0, 8)}</code></span>`
    : html`<span class="quiet" title="No model was asked, or nothing is recorded of how.">no model settings</span>`;

// The entry of a leaderboard that has an agent's current settings, or the only one there is.
export const currentEntry = (entries, config) =>
  entries.find(({ settingsHash }) => config && settingsHash === config.settingsHash) ??
  (entries.length === 1 ? entries[0] : null);

// The figures of one agent: those of its current settings. Others are said to exist, and never added up.
export function AgentRate({ name, entries, config, children }) {
  const current = currentEntry(entries, config);
  const others = entries.length - (current ? 1 : 0);
  return html`
    ${
      current &&
      html`
        <p><${SolveRate} figures=${current.figures} label=${`Solve rate of ${name}`} /></p>
        ${children?.(current.figures)}
        <${Excluded} excluded=${current.figures.excluded} />
      `
    }
    ${others > 0 && html`<p class="quiet"><${Link} href="/leaderboard">${current ? `and ${others} other settings` : `${others} settings or models`}</${Link}></p>`}
    ${entries.length === 0 && html`<p class="quiet">No execution has ended yet.</p>`}
  `;
}
