// What a conversation took: turns, tokens, time and cost. While it goes on, as far as it is known.
import { sums } from "../conversation_data.js";
import * as format from "../format.js";
import { html } from "../html.js";
import { Fact } from "./basics.js";
import { stopWords } from "./conversation_entry.js";

export function Usage({ usage, entries, isLive, revision }) {
  const {
    turns,
    requests,
    retries,
    toolCalls,
    invalidToolCalls,
    inputTokens,
    outputTokens,
    cachedTokens,
    reasoningTokens,
    waitedMs,
    cost,
    stopReason,
    model,
    responseModel,
    toolSet,
    settingsHash,
    promptHash,
  } = isLive || !usage ? { ...usage, ...sums(entries) } : usage;
  return html`
    <section class="surface" aria-label="Usage">
      <dl class="facts">
        ${stopReason && html`<${Fact} name="Ended because">${stopWords(stopReason)}</${Fact}>`}
        <${Fact} name="Turns">${format.count(turns)}</${Fact}>
        ${requests != null && html`<${Fact} name="Requests">${format.count(requests)}${besides(retries, "repeated")}</${Fact}>`}
        <${Fact} name="Tool calls">${format.count(toolCalls)}${besides(invalidToolCalls, "invalid")}</${Fact}>
        <${Fact} name="Input tokens">${format.count(inputTokens)}${besides(cachedTokens, "cached")}</${Fact}>
        <${Fact} name="Output tokens">${format.count(outputTokens)}${besides(reasoningTokens, "reasoning")}</${Fact}>
        ${waitedMs > 0 && html`<${Fact} name="Waited between tries">${format.duration(waitedMs)}</${Fact}>`}
        ${cost != null && html`<${Fact} name="Cost, by your prices">${format.cost(cost)}</${Fact}>`}
        ${(responseModel ?? model) && html`<${Fact} name="Model">${responseModel ?? model}</${Fact}>`}
        ${toolSet && html`<${Fact} name="Tool set">${toolSet}</${Fact}>`}
        ${revision && html`<${Fact} name="Agent's revision"><span title=${revision.summary}>${revision.number}</span></${Fact}>`}
        ${settingsHash && html`<${Fact} name="Settings hash"><${Hash} value=${settingsHash} /></${Fact}>`}
        ${promptHash && html`<${Fact} name="Prompt hash"><${Hash} value=${promptHash} /></${Fact}>`}
      </dl>
    </section>
  `;
}

const besides = (number, what) =>
  number > 0 ? html` <span class="quiet">${format.count(number)} ${what}</span>` : null;

export const Hash = ({ value }) => html`<code title=${value}>${value.slice(0, 8)}</code>`;
