// Asks before unsaved text is lost.
import { html } from "../html.js";
import { question } from "../unsaved.js";
import { useStore } from "../use_store.js";

export function Leaving() {
  const leave = useStore(question);
  return leave && html`<${Dialog} leave=${leave} />`;
}

function Dialog({ leave }) {
  const show = (element) => {
    if (element && !element.open) element.showModal();
  };
  const stay = () => question.set(null);
  return html`
    <dialog ref=${show} onClose=${stay} aria-labelledby="leaving-title">
      <h2 id="leaving-title">The text is not stored</h2>
      <p>If you leave now, what you have written is lost.</p>
      <div class="buttons">
        <button type="button" class="primary" onClick=${stay}>Keep writing</button>
        <button type="button" onClick=${leave}>Leave without storing</button>
      </div>
    </dialog>
  `;
}
