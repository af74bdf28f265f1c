// The button of what needs more than reading. A viewer who may not sees it disabled, and why; the server refuses anyway.
import { html } from "../html.js";
import { useStore } from "../use_store.js";
import { scope, whyNot } from "../viewer.js";

export function Doing({ needs = "RUN", disabled = false, title, children, ...rest }) {
  const reason = whyNot(useStore(scope), needs);
  return html`<button type="button" ...${rest} disabled=${disabled || reason !== null} title=${reason ?? title}>${children}</button>`;
}
