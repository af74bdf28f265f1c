// Pages whose modules are executed when they are needed, or when the first page stands and there is nothing else to do.
import { useAgain } from "./again.js";
import { firstAnswer, reachable } from "./api.js";
import { html, useEffect, useState } from "./html.js";
import { ErrorNote, Loading } from "./parts/notices.js";

const waiting = [];

// The component `name` of the module that `load` imports. Its `bring` does so before it is drawn.
export function lazy(load, name) {
  let Page = null;
  const bring = async () => {
    Page ??= (await load())[name];
  };
  waiting.push(bring);

  const Lazy = (parameters) => {
    const [state, setState] = useState({ round: 0, error: null });
    const { round, error } = state;
    const again = () => setState({ round: round + 1, error: null });
    useEffect(() => {
      if (Page) return;
      bring().then(again, () => {
        reachable.set(false);
        setState({ round, error: new Error("Its modules cannot be loaded. Is `make serve` running?") });
      });
    }, [round]);
    useAgain(error !== null, again, error);
    if (Page) return html`<${Page} ...${parameters} />`;
    if (error) return html`<${ErrorNote} error=${error} retry=${again} />`;
    return html`<${Loading} what="the page" />`;
  };
  return Object.assign(Lazy, { bring });
}

// All pages are brought before they are asked for, once the first one shows its data: going on costs no wait then.
export function bringAll() {
  firstAnswer.then(() =>
    requestIdleCallback(() => {
      for (const bring of waiting) bring().catch(() => {});
    }),
  );
}
