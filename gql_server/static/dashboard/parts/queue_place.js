// Where a waiting execution stands in the queue, as it moves up.
import { html, useEffect, useState } from "../html.js";
import { follow } from "../live.js";

// `asked` is its place as the page's own query told it; null when that is not known.
export function QueuePlace({ id, asked }) {
  const [queue, setQueue] = useState({ position: asked, length: null });

  useEffect(
    () =>
      follow(
        "queue_positions",
        { id },
        {
          next: ({ queuePositions: { length, positions } }) =>
            setQueue({ length, position: positions[0]?.position ?? null }),
          // The page's own stream tells all else; without this one the place is as old as the page.
          failed: () => setQueue({ position: null, length: null }),
        },
      ),
    [id],
  );

  const { position, length } = queue;
  if (position == null) return html`<p class="quiet">It waits for a worker.</p>`;
  return html`<p class="quiet">${position === 1 ? "It is the next" : `It is number ${position}`} in the queue${length == null ? "" : ` of ${length}`}.</p>`;
}
