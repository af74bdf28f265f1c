// Figures over ended executions change when one ends, and only the server can compute them: a page of figures listens
// for ends and asks again, a moment later and at most now and then.
import { isLive } from "../format.js";
import { useEffect } from "../html.js";

const SETTLE_MS = 1000;

export const ENDS_STREAM = (filter = null) => ({
  document: "execution_updates",
  variables: { filter },
  resume: (data) => ({ after: data.executionUpdates.cursor }),
  apply: (answer, { executionUpdates: { execution } }) =>
    execution && !isLive(execution.status) ? { ...answer, ends: (answer.ends ?? 0) + 1 } : answer,
});

export function useEnds(live) {
  const ends = live.data?.ends;
  useEffect(() => {
    if (!ends) return undefined;
    const timer = setTimeout(live.reload, SETTLE_MS);
    return () => clearTimeout(timer);
  }, [ends]);
}
