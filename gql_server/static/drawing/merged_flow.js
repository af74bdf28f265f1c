// A flow with very many calls, made drawable: arrows between the same two states become one that says how many they
// are. Hundreds of them side by side are wider than any screen, and take minutes to place. Pure functions.

const MANY = 60;
const MOST = 120;

const ARROW = /^\s*(\S+) --> (\S+?)(?: : (.*))?$/;
const OPENS = /^\s*state (\S+) \{$/;
const CLASS = /^class (\S+) \S+$/;

// The Mermaid text of a flow as it is drawn, how many arrows are `merged` into another one, and how many at the end are
// `left` out, because they are too many all the same.
export function mergedFlow(source) {
  const [kind, ...lines] = source.split("\n");
  if (lines.filter((line) => ARROW.test(line)).length <= MANY) return { text: source, merged: 0, left: 0 };
  const { outside, insides, others } = sorted(lines);
  const arrows = outside.all;
  const drawn = arrows.slice(0, MOST);
  const states = new Set(drawn.flatMap(({ from, to }) => [from, to]));
  const inner = [...insides].filter(([state]) => states.has(state));
  const blocks = inner.flatMap(([state, { names, arrows }]) => [
    `    state ${state} {`,
    ...names,
    ...arrows.all.map((arrow) => `    ${words(arrow)}`),
    "    }",
  ]);
  const rest = [...others].filter((line) => !CLASS.test(line) || states.has(line.match(CLASS)[1]));
  return {
    text: [kind, ...drawn.map(words), ...blocks, "", ...rest].join("\n"),
    merged: [{ arrows: outside }, ...insides.values()].reduce((sum, { arrows }) => sum + arrows.merged, 0),
    left: arrows.length - drawn.length,
  };
}

// The arrows of a flow, those within states, and what is neither.
function sorted(lines) {
  const [outside, insides, others] = [new Arrows(), new Map(), new Set()];
  let inside = null;
  for (const line of lines) {
    const opened = line.match(OPENS)?.[1];
    const arrow = line.match(ARROW);
    if (opened) {
      inside = insides.get(opened) ?? { names: new Set(), arrows: new Arrows() };
      insides.set(opened, inside);
    } else if (line.trim() === "}") inside = null;
    else if (arrow) (inside?.arrows ?? outside).add(arrow);
    else if (inside) inside.names.add(line);
    else if (line.trim()) others.add(line);
  }
  return { outside, insides, others };
}

class Arrows {
  #found = new Map();
  merged = 0;

  // The label of the first stands for all of them.
  add([, from, to, label]) {
    const key = `${from} ${to}`;
    const known = this.#found.get(key);
    if (known) this.merged += 1;
    this.#found.set(key, known ? { ...known, times: known.times + 1 } : { from, to, label, times: 1 });
  }

  get all() {
    return [...this.#found.values()];
  }
}

function words({ from, to, label, times }) {
  const said = times > 1 ? [label, `${times} times`].filter(Boolean).join(", ") : label;
  return `    ${from} --> ${to}${said ? ` : ${said}` : ""}`;
}
