// k of pass@k and pass^k: it is in the address, and every board on a page has the same.
import { html, useEffect, useState } from "../html.js";
import { useSearch } from "../router.js";

const [DEFAULT, MOST] = [2, 100];
const TYPING_MS = 250;

// The k that an address asks for.
export function kOf({ k }) {
  const number = Number(k);
  return Number.isInteger(number) && number >= 1 && number <= MOST ? number : DEFAULT;
}

// `isKnown` says whether there is a line with so many attempts at each of its benchmarks.
export function PassK({ isKnown }) {
  const [search, change] = useSearch();
  const k = kOf(search);
  const [text, setText] = useState(String(k));
  const fits = kOf({ k: text }) === Number(text);
  useEffect(() => {
    if (!fits || Number(text) === k) return undefined;
    const timer = setTimeout(() => change({ k: Number(text) === DEFAULT ? null : text }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return html`
    <label class="measure" title="pass@k: at least one of k attempts solves it. pass^k: each of k attempts does.">k of pass@k, pass^k
      <input class="number" type="text" inputmode="numeric" value=${text} aria-invalid=${fits ? undefined : "true"} onInput=${(event) => setText(event.target.value.trim())} />
    </label>
    ${!fits ? html`<span class="problem" role="status">k is a whole number from 1 to ${MOST}.</span>` : !isKnown && html`<span class="quiet" role="status">No line has ${k === 1 ? "an attempt" : `${k} attempts`} at each of its benchmarks.</span>`}
  `;
}
