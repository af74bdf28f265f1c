// One batch, live: how far it has come, what was solved of it by whom, and where it failed.
import { tagBatch } from "../actions.js";
import * as format from "../format.js";
import { html, useState } from "../html.js";
import { useLiveQuery } from "../live_query.js";
import { Age, Fact, Score } from "../parts/basics.js";
import { BatchGrid } from "../parts/batch_grid.js";
import { BatchActions, batchName, BatchState } from "../parts/batch_state.js";
import { Board } from "../parts/board.js";
import { Distribution } from "../parts/chart.js";
import { Doing } from "../parts/doing.js";
import { Downloads } from "../parts/download.js";
import { useEnds, withEnd } from "../parts/ends.js";
import { LabelForm, Tags } from "../parts/labels.js";
import { Empty, Shown } from "../parts/notices.js";
import { kOf } from "../parts/pass_k.js";
import { SolvedOf } from "../parts/rates.js";
import { Link, usePage, useSearch } from "../router.js";

const streamOf = (id) => ({
  document: "batch_updates",
  variables: { id },
  resume: ({ batchUpdates: { cursor } }) => ({ after: cursor }),
  apply: (answer, { batchUpdates: { progress, figures, timeLeftMs, execution } }) =>
    withEnd({ ...answer, batch: { ...answer.batch, progress, figures, timeLeftMs } }, execution),
});

export function BatchPage({ id }) {
  const [search] = useSearch();
  const k = kOf(search);
  const live = useLiveQuery({
    key: `${id} ${k}`,
    query: "batch",
    variables: { id, k },
    streams: [streamOf(id)],
  });
  useEnds(live);
  const batch = live.data?.batch;
  const heading = usePage(batch ? batchName(batch) : `Batch ${id.slice(0, 8)}`);
  if (["BATCH_NOT_FOUND", "INVALID_ID"].includes(live.error?.code)) return html`<${Missing} id=${id} />`;
  return html`
    <h1 ref=${heading} tabindex="-1">${batch ? batchName(batch) : "Batch"}</h1>
    <${Shown} live=${live} what="the batch">${({ batch }) => html`<${Batch} batch=${batch} k=${live.asked.k} refresh=${live.refresh} />`}</${Shown}>
  `;
}

const Missing = ({ id }) => html`
  <${Empty} title="There is no such batch">
    <p><code>${id}</code> is not known here. <${Link} href="/batches">All batches</${Link}></p>
  </${Empty}>
`;

function Batch({ batch, k, refresh }) {
  const { id, entries } = batch;
  return html`
    <${Header} batch=${batch} refresh=${refresh} />
    ${entries.length > 0 && html`<h2>Agents and settings</h2><${Board} entries=${entries} k=${k} within=${{ batchIds: [id] }} />`}
    <${Failures} failures=${batch.failures} batchId=${id} />
    <h2>Solved of attempts</h2>
    <${BatchGrid} batch=${batch} />
    <div class="columns">
      ${entries.map(
        ({ agent, settingsHash, model, figures }) =>
          html`<${Distribution} key=${`${agent} ${settingsHash}`} title=${`Scores of ${agent}${model ? ` (${model})` : ""}, in percent`} bins=${figures.distribution} what="attempts" />`,
      )}
    </div>
  `;
}

function Header({ batch, refresh }) {
  const [editing, setEditing] = useState(false);
  const { id, figures, note, tags, rerunOf, reruns } = batch;
  const save = async (changes) => {
    const done = await tagBatch(id, changes);
    if (done) await refresh();
    return done;
  };
  return html`
    <section class="surface" aria-label="Summary">
      <p class="big"><${SolvedOf} figures=${figures} /></p>
      <${BatchState} batch=${batch} counts=${true} />
      ${note && html`<p class="said">${note}</p>`}
      ${tags.length > 0 && html`<p><${Tags} tags=${tags} href="/batches?tag=" /></p>`}
      <dl class="facts">
        <${Fact} name="Mean score"><${Score} value=${figures.meanComputedScore} /></${Fact}>
        <${Fact} name="Tokens in / out">${format.count(figures.inputTokens)} / ${format.count(figures.outputTokens)}</${Fact}>
        <${Fact} name="Cost (USD)">${format.cost(figures.cost)}</${Fact}>
        <${Fact} name="Requested"><${Age} iso=${batch.requestedAt} /></${Fact}>
        ${batch.endedAt && html`<${Fact} name="Ended"><${Age} iso=${batch.endedAt} /></${Fact}>`}
        ${rerunOf && html`<${Fact} name="Repeats"><${Link} href=${`/batches/${rerunOf.id}`}>${batchName(rerunOf)}</${Link}></${Fact}>`}
        ${reruns.length > 0 && html`<${Fact} name="Repeated by">${reruns.map((one) => html`<${Link} key=${one.id} href=${`/batches/${one.id}`}>${batchName(one)}</${Link}> `)}</${Fact}>`}
      </dl>
      ${
        editing
          ? html`<${LabelForm} of=${batch} named=${true} save=${save} close=${() => setEditing(false)} />`
          : html`
            <div class="buttons">
              <${BatchActions} batch=${batch} />
              <${Doing} onClick=${() => setEditing(true)}>Name, note, tags</${Doing}>
              <${Link} href=${`/executions?batch=${id}`}>Its executions</${Link}>
              <${Link} href=${`/batches?compare=${id}`}>Compare with another</${Link}>
              <${Downloads} what="executions" filter=${{ batchId: id }} />
            </div>
          `
      }
    </section>
  `;
}

function Failures({ failures, batchId }) {
  if (failures.length === 0) return null;
  return html`
    <section class="surface" aria-label="Failures">
      <h2>Failures by kind</h2>
      <ul class="plain-list">
        ${failures.map(({ status, kind, executions }) => {
          const search = new URLSearchParams({
            batch: batchId,
            state: status,
            ...(kind && { failure: kind }),
          });
          const words = kind ? format.FAILURE_WORDS[kind] : format.STATUS_WORDS[status].toLowerCase();
          return html`<li key=${`${status} ${kind}`}><${Link} href=${`/executions?${search}`}>${words}</${Link}> ${format.count(executions)}</li>`;
        })}
      </ul>
    </section>
  `;
}
