// A list that was read whole and is too long to be drawn at once: a piece of it at a time.
import * as format from "../format.js";
import { html, useState } from "../html.js";
import { rangeWords, Turn } from "./pager.js";

const PIECE = 100;

// Calls `children` with the items of the piece that is shown.
export function InPieces({ items, one, size = PIECE, children }) {
  const [wanted, setWanted] = useState(0);
  // A list may have become shorter meanwhile.
  const last = Math.max(0, Math.ceil(items.length / size) - 1);
  const piece = Math.min(wanted, last);
  const shown = items.slice(piece * size, (piece + 1) * size);
  return html`
    ${
      last > 0 &&
      html`
        <nav class="pager" aria-label=${`Pages of ${format.many(items.length, one)}`}>
          <span class="quiet" role="status">${rangeWords({ shown: shown.length, offset: piece * size, total: items.length, one })}</span>
          <${Turn} label="First page" symbol="«" off=${piece === 0} turn=${() => setWanted(0)} />
          <${Turn} label="Previous page" symbol="‹" off=${piece === 0} turn=${() => setWanted(piece - 1)} />
          <${Turn} label="Next page" symbol="›" off=${piece === last} turn=${() => setWanted(piece + 1)} />
          <${Turn} label="Last page" symbol="»" off=${piece === last} turn=${() => setWanted(last)} />
        </nav>
      `
    }
    ${children(shown)}
  `;
}
