// The transaction logs as a tree, with or without the compute units that programs consumed.
import { html, useState } from "../html.js";
import { Text } from "./text.js";

export function Transactions({ logs }) {
  const [units, setUnits] = useState(true);
  return html`
    <label class="switch"><input type="checkbox" checked=${units} onChange=${(event) => setUnits(event.target.checked)} /> Compute units</label>
    <${Text} text=${units ? logs.withUnits : logs.withoutUnits} name="transaction log" />
  `;
}
