// What a live page shows: a query, kept true by streams, with no change between the two. Where the answer tells the
// cursors from which it was read, the streams go on from there. Else they are opened first and the query is asked when
// they stand; what arrives meanwhile is applied afterwards. `apply` replaces by revision, so what the query knew
// already changes nothing.
import { useAgain } from "./again.js";
import { ask, passes } from "./api.js";
import { inFrames } from "./frames.js";
import { useCallback, useEffect, useRef, useState } from "./html.js";
import { follow } from "./live.js";
import { keepData, keptData, thisVisit } from "./visits.js";

// `query` and `streams[].document` are names of documents. A stream's `apply(data, item)` returns the new data for
// what arrived; `resume` is that of `follow`; `since(data)`, which all or none have, returns the variables with which
// it goes on where the query was read. Asked anew whenever `key` changes, or by `reload`.
// Returns {data, asked, error, loading, reload, refresh, change}; `data` stays while it is asked anew, `asked` are the
// variables that it was asked with, and `change(of)` replaces it
// by `of(data)`, for what a page reads in addition. `refresh` asks the query alone: the streams go on, and what
// they tell meanwhile has to ask for another one. Who comes back to a page finds the data that it had, and its streams
// go on where they stood. What could not be answered for the moment is asked again by itself.
export function useLiveQuery({ key, query, variables, streams }) {
  const question = `${query} ${key}`;
  const [state, setState] = useState(() => ({
    data: null,
    error: null,
    loading: true,
    ...keptData(question),
  }));
  const [round, setRound] = useState(0);
  const isReload = useRef(false);
  const reload = useCallback(() => {
    isReload.current = true;
    setRound((number) => number + 1);
  }, []);
  const latest = useRef(state);
  latest.current = state;

  const asked = useRef(key);
  asked.current = key;
  const refresh = useCallback(async () => {
    const data = await ask(query, variables).catch(() => null);
    if (data && asked.current === key)
      setState((state) => ({ ...state, data: { ...data, ends: state.data?.ends } }));
  }, [key]);

  const change = useCallback((of) => setState((state) => ({ ...state, data: of(state.data) })), []);

  useEffect(() => {
    let over = false;
    const visit = thisVisit();
    const kept = isReload.current ? null : keptData(question);
    isReload.current = false;
    setState((state) => ({
      ...state,
      ...kept,
      error: passes(state.error) ? state.error : null,
      loading: true,
      of: kept ? question : state.of,
    }));

    const refused = (error) => {
      if (!over) setState((state) => ({ ...state, error, loading: false }));
    };
    // A stream's cursor that the server does not know is of another database: everything is asked for anew. One in the
    // question comes from the address, and would be refused for ever.
    const fail = (error) => {
      if (error.code !== "INVALID_CURSOR") refused(error);
      else if (!over) reload();
    };
    const frames = inFrames((items) => setState((state) => applied(state, items)));
    const later = (stream, item) => frames.push({ stream, item });
    const stand = (data, stands, early = []) =>
      setState(applied({ data, asked: variables, error: null, loading: false, of: question, stands }, early));

    const stops = [];
    const open = (next, since) => {
      for (const stream of streams) {
        const told = (item) => next(stream, item);
        const handlers = { resume: stream.resume, failed: fail, next: told };
        const variables = { ...stream.variables, ...since?.get(stream.document) };
        stops.push(follow(stream.document, variables, handlers));
      }
    };
    const answered = async (then) => {
      try {
        const data = await ask(query, variables);
        if (!over) then(data);
      } catch (error) {
        refused(error);
      }
    };

    if (kept?.stands?.size) {
      stand(kept.data, kept.stands);
      open(later, kept.stands);
    } else if (streams.every((stream) => stream.since)) {
      answered((data) => {
        const stands = new Map(streams.map((stream) => [stream.document, stream.since(data)]));
        stand(data, stands);
        open(later, stands);
      });
    } else {
      const standing = new Set();
      let asked = false;
      let early = [];
      open((stream, item) => {
        if (early) early.push({ stream, item });
        else later(stream, item);
        if (asked || standing.add(stream).size < streams.length) return;
        asked = true;
        answered((data) => {
          stand(data, null, early);
          early = null;
        });
      });
    }

    return () => {
      over = true;
      frames.cancel();
      for (const stop of stops) stop();
      const { data, asked, of, stands } = latest.current;
      if (data && of === question) keepData(visit, question, { data, asked, stands });
    };
  }, [key, round]);

  useAgain(passes(state.error), reload, state.error);
  return { ...state, reload, refresh, change };
}

// The state after what has arrived; `stands` says of each stream where it goes on, where that is known.
function applied({ data, stands, ...state }, items) {
  const next = stands && new Map(stands);
  let shown = data;
  for (const { stream, item } of items) {
    shown = stream.apply(shown, item);
    next?.set(stream.document, { ...next.get(stream.document), ...stream.resume(item) });
  }
  return { ...state, data: shown, stands: next };
}
