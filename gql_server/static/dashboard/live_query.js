// What a live page shows: a query, kept true by a stream. The stream is opened first and the query asked when it
// stands, so no change falls in between; what arrives meanwhile is applied afterwards, and `apply` replaces by
// revision, so what the query knew already changes nothing.
import { ask } from "./api.js";
import { inFrames } from "./frames.js";
import { useCallback, useEffect, useState } from "./html.js";
import { follow } from "./live.js";

// `query` and `streams[].document` are names of documents. A stream's `apply(data, items)` returns the new data for
// a list of what arrived; `resume` is that of `follow`. Asked anew whenever `key` changes, or by `reload`.
// Returns {data, error, loading, reload, change}; `data` stays while it is asked anew, and `change(of)` replaces it by
// `of(data)`, for what a page reads in addition.
export function useLiveQuery({ key, query, variables, streams }) {
  const [state, setState] = useState({ data: null, error: null, loading: true });
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((number) => number + 1), []);

  const change = useCallback((of) => setState((state) => ({ ...state, data: of(state.data) })), []);

  useEffect(() => {
    let over = false;
    let asked = false;
    const early = [];
    setState(({ data }) => ({ data, error: null, loading: true }));

    const fail = (error) => {
      if (over) return;
      // A cursor that the server does not know is of another database: everything is asked for anew.
      if (error.code === "INVALID_CURSOR") reload();
      else setState(({ data }) => ({ data, error, loading: false }));
    };
    const frames = inFrames((items) => setState((state) => ({ ...state, data: applied(state.data, items) })));
    const applied = (data, items) =>
      items.reduce((data, { stream, item }) => stream.apply(data, item), data);

    const standing = new Set();
    const begin = async () => {
      asked = true;
      try {
        const data = await ask(query, variables);
        if (over) return;
        const items = early.splice(0);
        setState({ data: applied(data, items), error: null, loading: false });
        standing.add("data");
      } catch (error) {
        fail(error);
      }
    };

    const stops = streams.map((stream) =>
      follow(stream.document, stream.variables ?? {}, {
        resume: stream.resume,
        failed: fail,
        next: (item) => {
          standing.add(stream);
          if (!asked && streams.every((one) => standing.has(one))) begin();
          if (standing.has("data")) frames.push({ stream, item });
          else early.push({ stream, item });
        },
      }),
    );
    if (streams.length === 0) begin();

    return () => {
      over = true;
      frames.cancel();
      stops.forEach((stop) => stop());
    };
  }, [key, round]);

  return { ...state, reload, change };
}
