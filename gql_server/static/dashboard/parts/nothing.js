// A list without a line: what hides all of it, or, where there is nothing at all yet, what to do next.
import { html } from "../html.js";
import { useSearch } from "../router.js";
import { Empty } from "./notices.js";

// `what` is listed; `filters` are the parts of the address that hide some of it; the children say the next step.
export function Nothing({ what, filters, title = `There is no ${what} yet`, children }) {
  const [search, change] = useSearch();
  const set = filters.filter((name) => search[name]);
  if (set.length === 0) return html`<${Empty} title=${title}>${children}</${Empty}>`;
  return html`
    <${Empty} title=${`No ${what} fits`}>
      <p>The filters above hide all there are.</p>
      <button type="button" onClick=${() => change(Object.fromEntries(set.map((name) => [name, null])))}>Remove the filters</button>
    </${Empty}>
  `;
}
