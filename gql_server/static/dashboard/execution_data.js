// One execution as data: what the query told, and every event since, applied by revision. Pure functions.
import { isLive } from "./format.js";

export function withEvent(answer, { executionEvents: event }) {
  const execution = answer.execution;
  if (!execution) return answer;
  const events = answer.events ?? [];
  const isNew = event.kind !== "SNAPSHOT" && event.seq > (events.at(-1)?.seq ?? 0);
  const next = {
    ...answer,
    events: isNew
      ? [...events, { seq: event.seq, kind: event.kind, at: event.at, status: event.status }]
      : events,
    execution: merged(execution, event.execution),
  };
  if (event.toolCall)
    next.execution = { ...next.execution, toolCalls: withCall(next.execution.toolCalls, event.toolCall) };
  // A result comes with the end: what it holds was not in the answer to a question asked before.
  next.outdated = answer.outdated || (isLive(execution.status) && !isLive(next.execution.status));
  return next;
}

const merged = (known, told) => (told.revision < known.revision ? known : { ...known, ...told });

const DONE = (call) => call.status !== "UNFINISHED";

function withCall(calls, call) {
  const index = calls.findIndex(({ ordinal }) => ordinal === call.ordinal);
  if (index < 0) return [...calls, call].sort((a, b) => a.ordinal - b.ordinal);
  // Replayed from the beginning, "started" comes after what the answer knew already.
  return DONE(calls[index]) && !DONE(call) ? calls : calls.with(index, call);
}

// The states it went through, each with how long it stayed there; the last one is where it stands.
// One that had ended when it came here has only that event: its times are its own, that of the event is added.
export function timeline(execution, events, nowMs) {
  const changes = events.filter(({ kind }) => kind === "STATUS_CHANGED");
  const cameEnded = changes.length > 0 && !isLive(changes[0].status);
  const states = cameEnded ? ownStates(execution) : changes;
  return states.map(({ status, at }, index) => {
    const until = states[index + 1]?.at;
    const open = !until && isLive(status);
    const ms = until ? Date.parse(until) - Date.parse(at) : open ? Math.max(0, nowMs - Date.parse(at)) : null;
    return { status, at, ms, open, recordedAt: cameEnded && !until ? changes[0].at : null };
  });
}

function ownStates({ status, queuedAt, startedAt, endedAt }) {
  const waited = startedAt && queuedAt < startedAt;
  return [
    ...(waited ? [{ status: "QUEUED", at: queuedAt }] : []),
    ...(startedAt ? [{ status: "RUNNING", at: startedAt }] : []),
    { status, at: endedAt },
  ];
}
