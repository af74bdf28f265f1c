// A name that an agent or a model may have: a long one is shortened, with the whole of it on hover and for screen readers.
import { shortened } from "../format.js";
import { html } from "../html.js";

export function Name({ text, most = 28 }) {
  const short = shortened(text, most);
  if (short === text) return text;
  return html`<span class="name" title=${text}><span aria-hidden="true">${short}</span><span class="hidden">${text}</span></span>`;
}
