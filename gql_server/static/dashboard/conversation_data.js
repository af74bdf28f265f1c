// A conversation as data: entries without a gap from the first one on, as far as they are known. Pages extend it, and
// live entries as soon as they follow the last known one. Pure functions.

export const conversationOf = (page) => withPage({ entries: [], ahead: [], end: null, more: false }, page);

export function withPage(known, { edges, pageInfo: { endCursor, hasNextPage } }) {
  const next = {
    ...known,
    entries: joined(
      known.entries,
      edges.map(({ node }) => node),
    ),
    end: endCursor ?? known.end,
    more: hasNextPage,
  };
  return hasNextPage ? next : { ...next, entries: joined(next.entries, known.ahead), ahead: [] };
}

// Entries that came live. Behind a page that was not read yet they must wait for it.
export function withLive(known, entries) {
  return known.more
    ? { ...known, ahead: joined(known.ahead, entries) }
    : { ...known, entries: joined(known.entries, entries) };
}

// What the page's question tells anew, when the execution has ended: there may be more than the stream brought.
export function refreshed(known, page) {
  const total = known.entries.length + known.ahead.length;
  if (known.entries.length < page.edges.length) return withPage({ ...known, end: null }, page);
  return page.totalCount > total ? { ...known, more: true } : known;
}

function joined(entries, others) {
  const last = entries.at(-1)?.ordinal ?? Number.NEGATIVE_INFINITY;
  const added = others.filter(({ ordinal }) => ordinal > last);
  return added.length === 0 ? entries : [...entries, ...added];
}

// Entries in blocks that begin with a request, as [from, to]: what is told of an entry depends on its own block and on
// the first entry of the next one.
export function blocksOf(entries, length, size) {
  const blocks = [];
  let from = 0;
  for (let index = 1; index < length; index += 1)
    if (index - from >= size && entries[index].kind === "REQUEST") {
      blocks.push([from, index]);
      from = index;
    }
  return length > 0 ? [...blocks, [from, length]] : blocks;
}

// Whether the conversation has more than one step.
export const hasSteps = (entries) => entries.some(({ step }) => step > 1);

// Per entry what its neighbours say about it: whether a step of a flow begins, how many of its tool calls were
// executed, whether that is final, and when a failed request was repeated. `isOpen` says that there may be more.
export function contextOf(entries, index, isOpen, several) {
  const entry = entries[index];
  const next = entries[index + 1];
  switch (entry.kind) {
    case "REQUEST":
      return { startsStep: several && entry.step != null };
    case "RESPONSE": {
      let executed = 0;
      while (entries[index + 1 + executed]?.kind === "TOOL") executed += 1;
      return { executed, final: !isOpen || entries[index + 1 + executed] !== undefined };
    }
    case "ERROR":
      return { repeatedAt: next?.kind === "REQUEST" ? next.at : null, final: !isOpen || next !== undefined };
    case "END":
      return { several };
    default:
      return {};
  }
}

// What the model is doing now, and since when; null when it is not its turn or nobody knows.
export function pending(entries) {
  const last = entries.at(-1);
  if (last?.at == null) return null;
  if (last.kind === "REQUEST") return { what: `Turn ${last.turn}: the model is answering`, since: last.at };
  if (last.kind === "ERROR") return { what: "Waiting before the next try", since: last.at };
  return null;
}

// Tokens and turns so far, from what is known.
export function sums(entries) {
  const responses = entries.filter(({ kind }) => kind === "RESPONSE");
  const total = (name) => responses.reduce((sum, entry) => sum + (entry[name] ?? 0), 0);
  return {
    turns: responses.length,
    toolCalls: entries.filter(({ kind }) => kind === "TOOL").length,
    inputTokens: total("inputTokens"),
    outputTokens: total("outputTokens"),
  };
}
