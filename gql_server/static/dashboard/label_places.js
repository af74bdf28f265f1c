// Where the labels of points stand, so that none covers another label or a point. A pure function.

const HEIGHT = 15;
const MARK = 7;
const GAPS = [4, 14, 28];
const GAP = 2;

const overlap = (a, b) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
const inside = (box, { left, top, right, bottom }) =>
  box.x >= left && box.y >= top && box.x + box.width <= right && box.y + box.height <= bottom;

// The boxes around a point that its label may have, the nearest first.
function* around({ x, y, width }) {
  for (const gap of GAPS) {
    const far = MARK + gap;
    const [right, left, middle] = [x + far, x - far - width, x - width / 2];
    const [above, below, beside] = [y - far - HEIGHT, y + far, y - HEIGHT / 2];
    const places = [
      [right, beside],
      [left, beside],
      [middle, above],
      [middle, below],
      [right, above],
      [right, below],
      [left, above],
      [left, below],
    ];
    for (const [x, y] of places) yield { x, y, width, height: HEIGHT, isFar: gap > GAPS[0] };
  }
}

// For each of `points` {x, y, width of its label, obstacles} the box of its label within `frame`, or null where there
// is no room. `obstacles` are boxes of a point that labels should keep off, but may cover where there is no other room.
export function placeLabels(points, frame) {
  const marks = points.map(({ x, y }) => ({ x: x - MARK, y: y - MARK, width: 2 * MARK, height: 2 * MARK }));
  const soft = points.flatMap(({ obstacles }) => obstacles);
  const taken = [];
  return points.map((point) => {
    const free = [...around(point)].filter(
      (box) => inside(box, frame) && ![...marks, ...taken].some((other) => overlap(box, other)),
    );
    const chosen = free.find((box) => !soft.some((other) => overlap(box, other))) ?? free[0] ?? null;
    if (chosen) taken.push({ ...chosen, x: chosen.x - GAP, width: chosen.width + 2 * GAP });
    return chosen;
  });
}
