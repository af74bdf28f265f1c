// A long text from an agent or a program: shown as text, copied whole.
import { html } from "../html.js";
import { Copy } from "./basics.js";

export const Text = ({ text, name, wrap = false }) =>
  text
    ? html`
        <div class="buttons"><${Copy} text=${text} label=${`Copy the ${name}`} /></div>
        <pre class=${wrap ? "code wrap" : "code"} tabindex="0" aria-label=${name}>${text}</pre>
      `
    : html`<p class="quiet">There is no ${name} yet.</p>`;
