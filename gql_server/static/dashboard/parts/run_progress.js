// While batches are requested one after another: how far that is, and what stopped it.
import { goToBatch } from "../actions.js";
import * as format from "../format.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { go } from "../router.js";
import { chainOf, follow, idsOf } from "../run_chain.js";
import { Bar } from "./basics.js";
import { notify } from "./notices.js";

// `request` is a RunBenchmarksInput without benchmarks, which `what` tells: {ids}, or {filter, total}. Calls `close`
// when all is queued or the viewer has stopped it, and `confirm(total)` where another number fits by now than was
// agreed to.
export function RunProgress({ what, request, close, confirm }) {
  const [chain, setChain] = useState(null);
  const [read, setRead] = useState([0, what.total]);
  const [problem, setProblem] = useState(null);
  const stopped = useRef(false);

  const goOn = async (from) => {
    setProblem(null);
    try {
      const ids = from ? null : (what.ids ?? (await idsOf(what.filter, (...read) => setRead(read))));
      if (stopped.current) return;
      if (ids && what.filter && ids.length !== what.total) {
        confirm(ids.length);
        return;
      }
      let now = from ?? chainOf(ids, request);
      const told = (chain) => {
        now = chain;
        setChain(chain);
      };
      told(now);
      end(await follow(now, told, () => stopped.current));
    } catch (error) {
      setProblem(error.message);
    }
  };
  const end = (chain) => {
    if (chain.done < chain.batches.length && !stopped.current) return;
    close();
    if (chain.batches.length === 1 && chain.last) goToBatch(chain.last);
    else if (chain.queued > 0) {
      notify(
        `${format.many(chain.queued, "execution")} are queued in ${format.many(chain.done, "batch", "batches")}`,
      );
      go(`/batches?tag=${encodeURIComponent(chain.tag)}`);
    }
  };
  // What is requested stays requested; a batch that is on its way is waited for.
  const stop = () => {
    stopped.current = true;
    if (problem || !chain) end(chain ?? { batches: [], done: 0, queued: 0 });
  };
  useEffect(() => {
    goOn(null);
    return () => {
      stopped.current = true;
    };
  }, []);

  const [done, all] = chain ? [chain.done, chain.batches.length] : read;
  return html`
    <${Bar} label="Requested so far" value=${all ? done / all : null} />
    <p role="status">${chain ? `${format.count(done)} of ${format.many(all, "batch", "batches")} requested: ${format.many(chain.queued, "execution")}.` : `${format.count(done)} of ${format.many(all ?? 0, "benchmark")} read …`}</p>
    ${problem && html`<p class="problem" role="alert">✕ ${problem}</p>`}
    <div class="buttons">
      ${problem && html`<button type="button" class="primary" onClick=${() => goOn(chain)}>Try again from here</button>`}
      <button type="button" onClick=${stop}>Stop here</button>
    </div>
  `;
}
