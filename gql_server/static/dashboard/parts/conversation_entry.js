// One entry of a conversation: what the model was shown, what it said, a tool's answer, a failed request, or the end.
// All of it comes from models and benchmarks: it is text and nothing else.
import * as format from "../format.js";
import { html, memo, useState } from "../html.js";

const ROLES = { system: "System", user: "User", assistant: "Model", tool: "Tool" };

// Longer texts are folded: a page of them stays readable.
const SHOWN_CHARACTERS = 1_200;
const SHOWN_LINES = 16;
const PREVIEW_CHARACTERS = 120;

const ORDINARY_ENDS = new Set(["stop", "tool_calls", "end_turn", "tool_use"]);

export const PROBLEMS = {
  AUTH: "The endpoint refused the API key",
  NOT_FOUND: "The endpoint knows no such address or model",
  RATE_LIMITED: "The endpoint limits the rate of requests",
  TIMEOUT: "The endpoint did not answer in time",
  UNREACHABLE: "The endpoint cannot be reached",
  BAD_ANSWER: "The endpoint's answer cannot be used",
  CONTEXT_LENGTH: "The conversation is too long for the model",
  REFUSED: "The endpoint refused the content",
};

const STOPS = {
  stop: "the model called no more tools",
  max_tokens: "its last answer was cut off at the limit of tokens",
  max_turns: "the limit of turns was reached",
  max_tool_calls: "the limit of tool calls was reached",
  time_limit: "the time limit was reached",
};

// Why a conversation ended, in words.
export const stopWords = (reason) => STOPS[reason] ?? lowered(PROBLEMS[reason]) ?? reason;

const lowered = (words) => words && words[0].toLowerCase() + words.slice(1);

// `context` comes as single properties, so that an entry is drawn again only when one of them changes.
export const Entry = memo(({ entry, ...context }) => {
  const Shown = {
    REQUEST: Request,
    RESPONSE: Response,
    TOOL: ToolAnswer,
    ERROR: Failure,
    END: End,
    FULL: Full,
    OTHER: Other,
  }[entry.kind];
  return Shown ? html`<${Shown} entry=${entry} ...${context} />` : null;
});

const Request = ({ entry: { step, messages }, startsStep }) => html`
  ${startsStep && html`<li class="step"><h2>Step ${step}</h2></li>`}
  ${messages.map((message, index) => html`<${Message} key=${index} message=${message} />`)}
`;

function Message({ message: { role, text } }) {
  const name = ROLES[role] ?? role;
  if (role === "system")
    return html`
      <li class="bubble" data-role="system">
        <details><summary><strong>System</strong> <span class="quiet">${format.count(text.length)} characters</span></summary><${Said} text=${text} /></details>
      </li>
    `;
  return html`<li class="bubble" data-role=${role}><p class="speaker"><strong>${name}</strong></p><${LongText} text=${text} /></li>`;
}

function Response({ entry, executed, final }) {
  const { turn, messages, finishReason, durationMs, inputTokens, outputTokens } = entry;
  const calls = messages.flatMap(({ toolCalls }) => toolCalls);
  const texts = messages.map(({ text }) => text).filter(Boolean);
  return html`
    <li class="bubble" data-role="assistant">
      <p class="speaker">
        <strong>Model</strong>${" "}
        <span class="quiet">turn ${turn}</span>${" "}
        <span class="quiet counting">${format.duration(durationMs)}</span>${" "}
        <span class="quiet counting">${format.count(inputTokens)} → ${format.count(outputTokens)} tokens</span>${" "}
        ${finishReason && !ORDINARY_ENDS.has(finishReason) && html`<span class="issue">ended as ${finishReason}</span>`}
      </p>
      ${texts.map((text, index) => html`<${LongText} key=${index} text=${text} />`)}
      ${texts.length === 0 && calls.length === 0 && html`<p class="quiet">It said nothing and called no tool.</p>`}
      ${
        calls.length > executed &&
        html`<ul class="called" aria-label="Calls without a result">
          ${calls.slice(executed).map((call, index) => html`<li key=${index}><${NotExecuted} call=${call} final=${final} /></li>`)}
        </ul>`
      }
    </li>
  `;
}

const NotExecuted = ({ call: { name, arguments: given }, final }) => html`
  <${Folded} summary=${html`<code>${name}</code> <span class="quiet">${final ? "not executed" : "waits"}</span>`}>
    ${() => html`<p class="quiet">Arguments</p><${Said} text=${indented(given)} />`}
  </${Folded}>
`;

function ToolAnswer({ entry: { toolCall } }) {
  if (!toolCall) return null;
  const { name, arguments: given, result, isError, durationMs } = toolCall;
  const summary = html`
    <strong class="mono">${name}</strong>${" "}
    <span class="call-status" data-status=${isError ? "ERROR" : "SUCCESS"}>${isError ? "✕ failed" : "✓ done"}</span>${" "}
    <span class="quiet counting">${format.duration(durationMs)}</span>${" "}
    <span class="quiet mono preview">${preview(isError ? result : given)}</span>
  `;
  return html`
    <li class="bubble" data-role="tool" data-error=${String(Boolean(isError))}>
      <${Folded} name="one-line" summary=${summary}>
        ${() => html`<p class="quiet">Arguments</p><${Said} text=${indented(given)} /><p class="quiet">Result</p><${Said} text=${indented(result)} />`}
      </${Folded}>
    </li>
  `;
}

function Failure({
  entry: { at, turn, errorType, errorMessage, httpStatus, durationMs },
  repeatedAt,
  final,
}) {
  const after = repeatedAt && format.duration(Math.max(0, Date.parse(repeatedAt) - Date.parse(at)));
  return html`
    <li class="bubble" data-role="error">
      <p class="speaker">
        <strong>✕ ${PROBLEMS[errorType] ?? "The request failed"}</strong>${" "}
        ${turn != null && html`<span class="quiet">turn ${turn}</span>`}${" "}
        ${httpStatus != null && html`<span class="quiet">HTTP status ${httpStatus}</span>`}${" "}
        ${durationMs != null && html`<span class="quiet counting">${format.duration(durationMs)}</span>`}
      </p>
      <${LongText} text=${errorMessage ?? ""} />
      <p class="quiet">${after ? `Tried again ${after} later.` : final ? "It was not tried again." : "It may be tried again."}</p>
    </li>
  `;
}

const End = ({ entry: { finishReason, step }, several }) => html`
  <li class="ended">${several ? `Step ${step} ended` : "The conversation ended"}: ${finishReason ? stopWords(finishReason) : "nobody knows why"}.</li>
`;

// A line that is no entry: shown as it stands.
const Other = ({ entry: { errorMessage } }) =>
  html`<li class="bubble" data-role="error"><p class="speaker"><strong>A line that cannot be read</strong></p><${LongText} text=${errorMessage ?? ""} /></li>`;

const Full = () =>
  html`<li class="ended issue">The transcript reached its size limit here. What was said afterwards was not recorded.</li>`;

// A details element whose content is made when it is opened for the first time.
function Folded({ summary, name, children }) {
  const [opened, setOpened] = useState(false);
  return html`<details onToggle=${(event) => event.target.open && setOpened(true)}><summary class=${name}>${summary}</summary>${opened && children()}</details>`;
}

const Said = ({ text }) => html`<pre class="code wrap" tabindex="0">${text}</pre>`;

function LongText({ text }) {
  const [whole, setWhole] = useState(false);
  const short = shortened(text);
  if (short === null) return html`<p class="said">${text}</p>`;
  return html`
    <p class="said">${whole ? text : `${short} …`}</p>
    <button type="button" class="small" aria-expanded=${String(whole)} onClick=${() => setWhole(!whole)}>
      ${whole ? "Show less" : `Show all ${format.count(text.length)} characters`}
    </button>
  `;
}

// The beginning of a long text; null where it is not long.
function shortened(text) {
  const beginning = text.slice(0, SHOWN_CHARACTERS).split("\n").slice(0, SHOWN_LINES).join("\n");
  return beginning.length + 40 < text.length ? beginning : null;
}

const preview = (text) => {
  const line = (text ?? "").slice(0, 4 * PREVIEW_CHARACTERS).replace(/\s+/g, " ");
  return line.length > PREVIEW_CHARACTERS ? `${line.slice(0, PREVIEW_CHARACTERS)}…` : line;
};

// JSON with indentation; any other text as it is.
function indented(text) {
  if (text == null) return format.UNKNOWN;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
