// Figures over ended executions change when one ends, and only the server can compute them: a page of figures listens
// for ends and asks again, a moment later and at most once in that time.
import { isLive } from "../format.js";
import { useEffect, useRef } from "../html.js";

const SETTLE_MS = 700;

export const ENDS_STREAM = (filter = null) => ({
  document: "execution_updates",
  variables: { filter },
  resume: (data) => ({ after: data.executionUpdates.cursor }),
  apply: (answer, { executionUpdates: { execution } }) => withEnd(answer, execution),
});

// The answer after an execution has changed: `ends` counts those that have ended since.
export const withEnd = (answer, execution) =>
  execution && !isLive(execution.status) ? { ...answer, ends: (answer.ends ?? 0) + 1 } : answer;

export const useEnds = ({ data, refresh }) => useAfterEnds(data?.ends, refresh);

// Calls `act` some time after `ends` has grown, with all that has ended until then.
export function useAfterEnds(ends, act) {
  const timer = useRef(null);
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    // The call that waits will see this end too.
    if (!ends || timer.current) return;
    timer.current = setTimeout(() => {
      timer.current = null;
      latest.current();
    }, SETTLE_MS);
  }, [ends]);
  useEffect(() => () => clearTimeout(timer.current), []);
}
