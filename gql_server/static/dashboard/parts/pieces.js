// A list that was read whole and is too long to be drawn at once: a piece of it at a time.
import * as format from "../format.js";
import { html, useState } from "../html.js";
import { rangeWords } from "./pager.js";

const PIECE = 100;

// Calls `children` with the items of the piece that is shown.
export function InPieces({ items, one, size = PIECE, children }) {
  const [wanted, setWanted] = useState(0);
  // A list may have become shorter meanwhile.
  const last = Math.max(0, Math.ceil(items.length / size) - 1);
  const piece = Math.min(wanted, last);
  const shown = items.slice(piece * size, (piece + 1) * size);
  const turn = (label, symbol, to) => html`
    <button type="button" class="turn" aria-label=${label} title=${label} aria-disabled=${String(to < 0 || to > last)} onClick=${() => to < 0 || to > last || setWanted(to)}>${symbol}</button>
  `;
  return html`
    ${
      last > 0 &&
      html`
        <nav class="pager" aria-label=${`Pages of ${format.many(items.length, one)}`}>
          <span class="quiet" role="status">${rangeWords({ shown: shown.length, offset: piece * size, total: items.length, one })}</span>
          ${turn("First page", "«", piece === 0 ? -1 : 0)}
          ${turn("Previous page", "‹", piece - 1)}
          ${turn("Next page", "›", piece + 1)}
          ${turn("Last page", "»", piece === last ? -1 : last)}
        </nav>
      `
    }
    ${children(shown)}
  `;
}
