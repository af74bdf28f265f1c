// What a live page shows: a query, kept true by streams, with no change between the two. Where the answer tells the
// cursors from which it was read, the streams go on from there. Else they are opened first and the query is asked when
// they stand; what arrives meanwhile is applied afterwards. `apply` replaces by revision, so what the query knew
// already changes nothing.
import { ask } from "./api.js";
import { inFrames } from "./frames.js";
import { useCallback, useEffect, useRef, useState } from "./html.js";
import { follow } from "./live.js";

// `query` and `streams[].document` are names of documents. A stream's `apply(data, item)` returns the new data for
// what arrived; `resume` is that of `follow`; `since(data)`, which all or none have, returns the variables with which
// it goes on where the query was read. Asked anew whenever `key` changes, or by `reload`.
// Returns {data, asked, error, loading, reload, refresh, change}; `data` stays while it is asked anew, `asked` are the
// variables that it was asked with, and `change(of)` replaces
// it by `of(data)`, for what a page reads in addition. `refresh` asks the query alone: the streams go on, and what
// they tell meanwhile has to ask for another one.
export function useLiveQuery({ key, query, variables, streams }) {
  const [state, setState] = useState({ data: null, error: null, loading: true });
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((number) => number + 1), []);

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
    setState((state) => ({ ...state, error: null, loading: true }));

    const fail = (error) => {
      if (over) return;
      // A cursor that the server does not know is of another database: everything is asked for anew.
      if (error.code === "INVALID_CURSOR") reload();
      else setState((state) => ({ ...state, error, loading: false }));
    };
    const frames = inFrames((items) => setState((state) => ({ ...state, data: applied(state.data, items) })));
    const applied = (data, items) => items.reduce((data, { stream, item }) => stream.apply(data, item), data);

    const stops = [];
    const open = (next, since) => {
      for (const stream of streams) {
        const told = (item) => next(stream, item);
        const handlers = { resume: stream.resume, failed: fail, next: told };
        stops.push(follow(stream.document, { ...stream.variables, ...since?.(stream) }, handlers));
      }
    };
    const answered = async (then) => {
      try {
        const data = await ask(query, variables);
        if (!over) then(data);
      } catch (error) {
        fail(error);
      }
    };

    if (streams.every((stream) => stream.since)) {
      answered((data) => {
        setState({ data, asked: variables, error: null, loading: false });
        open(
          (stream, item) => frames.push({ stream, item }),
          (stream) => stream.since(data),
        );
      });
    } else {
      const standing = new Set();
      let asked = false;
      let early = [];
      open((stream, item) => {
        if (early) early.push({ stream, item });
        else frames.push({ stream, item });
        if (asked || standing.add(stream).size < streams.length) return;
        asked = true;
        answered((data) => {
          setState({ data: applied(data, early), asked: variables, error: null, loading: false });
          early = null;
        });
      });
    }

    return () => {
      over = true;
      frames.cancel();
      for (const stop of stops) stop();
    };
  }, [key, round]);

  return { ...state, reload, refresh, change };
}
