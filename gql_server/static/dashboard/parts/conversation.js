// The conversation between agent and model, live: read page by page, drawn piece by piece, and followed at its end.
import { ask } from "../api.js";
import { clock } from "../clock.js";
import {
  blocksOf,
  contextOf,
  conversationOf,
  hasSteps,
  pending,
  refreshed,
  withLive,
  withPage,
} from "../conversation_data.js";
import * as format from "../format.js";
import { inFrames } from "../frames.js";
import { html, memo, useEffect, useLayoutEffect, useRef, useState } from "../html.js";
import { follow } from "../live.js";
import { useStore } from "../use_store.js";
import { Copy } from "./basics.js";
import { Entry } from "./conversation_entry.js";
import { keep } from "./download.js";
import { attempt, ErrorNote } from "./notices.js";
import { Usage } from "./usage.js";

// How many entries are drawn between two frames.
const PIECE = 10;
const BLOCK = 50;
const NEAR_PX = 1_500;
const AT_END_PX = 80;

export function Conversation({ execution }) {
  const isLive = format.isLive(execution.status);
  const { known, more, error, retry } = useConversation(execution, isLive);
  const drawn = useGrowing(known.entries.length);
  const end = useFollowedEnd(drawn);
  const several = hasSteps(known.entries);
  const all = useRef(null);
  all.current = known.entries;
  const isComplete = drawn >= known.entries.length && !known.more;

  if (known.entries.length === 0 && !error)
    return html`<p class="quiet">${isLive ? "The model has been asked nothing yet. Messages appear here as they are exchanged." : "No model was asked, or nothing that was said is kept."}</p>`;
  return html`
    <${Usage} usage=${execution.usage} entries=${known.entries} isLive=${isLive} revision=${execution.agentRevision} />
    <div class="buttons">
      <${Copy} text=${async () => JSON.stringify(await everyLine(execution.id), null, 2)} label="Copy as JSON" />
      <${Download} id=${execution.id} />
      <span class="quiet count">${isComplete ? format.count(known.entries.length) : `${format.count(drawn)} of ${format.count(Math.max(known.total ?? 0, known.entries.length))}`} entries</span>
    </div>
    <div role="log" aria-label="Conversation" aria-live=${isLive && isComplete ? "polite" : "off"}>
      <ol class="conversation">
        ${blocksOf(known.entries, drawn, BLOCK).map(([from, to]) => html`<${Block} key=${from} all=${all} from=${from} to=${to} next=${known.entries[to]} several=${several} isOpen=${isLive || known.more} />`)}
      </ol>
    </div>
    ${error && html`<${ErrorNote} error=${error} retry=${retry} />`}
    ${!isComplete && !error && html`<${Sentinel} key=${drawn} reached=${more} eager=${isLive} />`}
    ${isLive && isComplete && html`<${Pending} entries=${known.entries} />`}
    <div ref=${end}></div>
  `;
}

// `all` is a reference to the entries, which is the same for every block: one that stays as it is is not drawn again.
const Block = memo(({ all: { current: entries }, from, to, several, isOpen }) =>
  entries
    .slice(from, to)
    .map(
      (entry, index) =>
        html`<${Entry} key=${entry.ordinal} entry=${entry} ...${contextOf(entries, from + index, isOpen, several)} />`,
    ),
);

// What is known of the conversation, and `more`, which reads the next page.
function useConversation({ id, conversation, askedRevision, status }, isLive) {
  const [known, setKnown] = useState(() => conversationOf(conversation));
  const [error, setError] = useState(null);
  const reading = useRef(false);

  useEffect(() => setKnown((known) => refreshed(known, conversation)), [conversation]);

  useEffect(() => {
    if (!isLive || status === "QUEUED") return undefined;
    const frames = inFrames((entries) => setKnown((known) => withLive(known, entries)));
    const stop = follow(
      "conversation_events",
      { id, after: askedRevision },
      {
        resume: ({ executionEvents: { kind, seq } }) => (kind === "SNAPSHOT" ? {} : { after: seq }),
        next: ({ executionEvents: { entry } }) => entry && frames.push(entry),
        failed: setError,
      },
    );
    return () => {
      stop();
      frames.cancel();
    };
  }, [id, isLive, status === "QUEUED"]);

  const more = async () => {
    if (reading.current || !known.more) return;
    reading.current = true;
    try {
      const { execution } = await ask("conversation", { id, after: known.end });
      setKnown((known) => withPage(known, execution.conversation));
    } catch (error) {
      setError(error);
    }
    reading.current = false;
  };
  return { known: { ...known, total: conversation.totalCount }, more, error, retry: () => setError(null) };
}

// A number that follows `total` piece by piece, so that no frame has to draw everything.
function useGrowing(total) {
  const [drawn, setDrawn] = useState(Math.min(total, PIECE));
  useEffect(() => {
    if (drawn >= total) return undefined;
    const frames = inFrames(() => setDrawn(Math.min(total, drawn + PIECE)));
    frames.push(null);
    return frames.cancel;
  }, [drawn, total]);
  return Math.min(drawn, total);
}

// Keeps the end in sight while the reader is there.
function useFollowedEnd(drawn) {
  const end = useRef(null);
  const isThere = useRef(false);
  useEffect(() => {
    const look = () => {
      isThere.current = (end.current?.getBoundingClientRect().bottom ?? Infinity) < innerHeight + AT_END_PX;
    };
    look();
    addEventListener("scroll", look, { passive: true });
    return () => removeEventListener("scroll", look);
  }, []);
  useLayoutEffect(() => {
    if (isThere.current && scrollY > 0) end.current?.scrollIntoView({ block: "end" });
  }, [drawn]);
  return end;
}

// Asks for more when the reader comes near it; at once where the conversation is live.
function Sentinel({ reached, eager }) {
  const place = useRef(null);
  useEffect(() => {
    if (eager) {
      reached();
      return undefined;
    }
    // Several looks may be told of at once: the last one counts.
    const looked = (looks) => looks.at(-1).isIntersecting && reached();
    const observer = new IntersectionObserver(looked, { rootMargin: `${NEAR_PX}px` });
    observer.observe(place.current);
    return () => observer.disconnect();
  });
  return html`<p class="loading" aria-busy="true" ref=${place}>Loading messages …</p>`;
}

function Pending({ entries }) {
  const now = useStore(clock);
  const what = pending(entries);
  if (!what) return null;
  return html`<p class="pending quiet"><span aria-hidden="true">●</span> ${what.what} <span class="counting">${format.counting(Math.max(0, now - Date.parse(what.since)))}</span></p>`;
}

// Every entry as it was recorded.
async function everyLine(id) {
  const lines = [];
  let after = null;
  do {
    const { execution } = await ask("conversation_lines", { id, after });
    const { edges, pageInfo } = execution.conversation;
    lines.push(...edges.map(({ node }) => node.data));
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after);
  return lines;
}

function Download({ id }) {
  const download = async () => {
    const text = (await everyLine(id)).map((line) => `${JSON.stringify(line)}\n`).join("");
    keep(new Blob([text], { type: "application/jsonl" }), `transcript_${id}.jsonl`);
  };
  return html`<button type="button" class="small" onClick=${() => attempt(download)}>Download</button>`;
}
