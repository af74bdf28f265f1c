// The dialog that lists the shortcuts, and switches those of single keys off.
import { html } from "../html.js";
import { ALWAYS, dialog, SHORTCUTS, singleKeys } from "../shortcuts.js";
import { useStore } from "../use_store.js";

const close = () => dialog.set(null);
const show = (element) => element && !element.open && element.showModal();

export function ShortcutHelp() {
  const on = useStore(singleKeys);
  return html`
    <dialog ref=${show} onClose=${close} aria-labelledby="shortcuts-title">
      <h2 id="shortcuts-title">Shortcuts</h2>
      <${Keys} label="Single keys" keys=${SHORTCUTS} off=${!on} />
      <label class="switch"><input type="checkbox" checked=${on} onChange=${(event) => singleKeys.set(event.target.checked)} /> Single keys do something (remembered by this browser)</label>
      <${Keys} label="Always" keys=${ALWAYS} />
      <form method="dialog" class="buttons"><button>Close</button></form>
    </dialog>
  `;
}

const Keys = ({ label, keys, off }) => html`
  <table class="keys" aria-label=${label} data-off=${String(Boolean(off))}>
    <tbody>
      ${keys.map(
        ([key, words]) => html`
          <tr key=${key}>
            <th scope="row">${key.split(" ").map((one) => html`<kbd key=${one}>${one}</kbd> `)}</th>
            <td>${words}</td>
          </tr>
        `,
      )}
    </tbody>
  </table>
`;
