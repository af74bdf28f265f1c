// What an attempt takes against how often it solves: a point for each line of the leaderboard, with its interval. The
// arrow keys go from point to point; what the chosen one is stands in words below.
import { byPowers, fromZero, needsPowers, unitOf } from "../axes.js";
import * as format from "../format.js";
import { html, useMemo, useRef, useState } from "../html.js";
import { placeLabels } from "../label_places.js";
import { Link } from "../router.js";
import { bestOf, measuresOf, pointsOf } from "../scatter_data.js";
import { Figure, Plot } from "./plot.js";
import { rateWords, solvedOf } from "./rates.js";

const HEIGHT_PX = 340;
const MARK_PX = 70;
const MOST_MARKS = 10;
const LONGEST = 26;
const KEYS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };

let pen = null;
function widthOf(text) {
  pen ??= document.createElement("canvas").getContext("2d");
  pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  return pen.measureText(text).width;
}

const wordsOf = ({ name, entry: { figures }, shown }, [, title]) =>
  `${name}: ${solvedOf(figures)}, ${rateWords(figures)}; ${title.toLowerCase().replace("(usd)", "in USD")} ${shown}`;

// `measure` is the field that the points are spread over, and `choose(field)` changes it.
export function Scatter({ entries, measure: wanted, choose }) {
  const measures = measuresOf(entries);
  if (measures.length === 0) return null;
  const measure = measures.find(([field]) => field === wanted) ?? measures[0];
  const points = useMemo(() => pointsOf(entries, measure), [entries, measure[0]]);
  const [field, title, show] = measure;
  const rows = points.map((point) => [
    point.name,
    show(point.value),
    format.share(point.rate),
    format.interval(point.ends),
    solvedOf(point.entry.figures),
  ]);
  return html`
    <${Figure} title=${`Solve rate against ${title[0].toLowerCase()}${title.slice(1)}`} columns=${["Agent", title, "Solve rate", "95 % interval", "Solved"]} rows=${rows}>
      <label class="measure">Against
        <select value=${field} onChange=${(event) => choose(event.target.value)}>
          ${measures.map(([field, title]) => html`<option key=${field} value=${field} selected=${field === measure[0]}>${title}</option>`)}
        </select>
      </label>
      <${Points} points=${points} measure=${measure} />
      <${Missing} entries=${entries} points=${points} measure=${measure} />
    </${Figure}>
  `;
}

// The lines that are no points, and why.
function Missing({ entries, points, measure: [field] }) {
  const shown = new Set(points.map(({ entry }) => entry));
  const left = entries.filter((entry) => !shown.has(entry));
  const none = left.filter(({ figures }) => figures.solveRate == null).length;
  const why = {
    costPerAttempt: "without a known cost (prices are in an agent's settings)",
    costPerSolved: "that solved nothing or whose cost is not known",
    meanTimeMs: "without a known time",
  }[field];
  const parts = [
    left.length > none && `${format.many(left.length - none, "line")} ${why}`,
    none > 0 && `${format.many(none, "line")} without an attempt`,
  ].filter(Boolean);
  return parts.length > 0 && html`<p class="quiet">Not drawn: ${parts.join("; ")}.</p>`;
}

function axesOf(points, [field, , show], width) {
  const values = points.map(({ value }) => value);
  const most = Math.min(MOST_MARKS, Math.max(2, Math.floor(width / MARK_PX)));
  const high = Math.max(...values);
  return {
    x: needsPowers(values)
      ? byPowers(values, show)
      : fromZero(high * 1.02, show, most, field.endsWith("Ms") ? unitOf(high) : 1),
    y: fromZero(1, format.share, 5),
  };
}

function Points({ points, measure }) {
  const [chosen, setChosen] = useState(null);
  const group = useRef(null);
  const current = points[chosen] ? chosen : null;
  const byPower = needsPowers(points.map(({ value }) => value));
  const move = (event) => {
    const at = current ?? 0;
    const next =
      { Home: 0, End: points.length - 1, Escape: null }[event.key] ?? at + (KEYS[event.key] ?? Number.NaN);
    if (event.key === "Escape") setChosen(null);
    else if (next >= 0 && next < points.length) group.current.querySelectorAll(".point")[next].focus();
    else if (!KEYS[event.key]) return;
    event.preventDefault();
  };
  return html`
    <div ref=${group} onKeyDown=${move}>
      <${Plot} role="group" height=${HEIGHT_PX} label=${`${points.length} points; the arrow keys go from one to the next`} axes=${(width) => axesOf(points, measure, width)} titles=${[`${measure[1]}${byPower ? ", by powers of ten" : ""} →`, "Solve rate"]}>
        ${(room) => html`<${Drawn} points=${points} measure=${measure} room=${room} current=${current} choose=${setChosen} />`}
      </${Plot}>
    </div>
    <${Said} point=${points[current]} measure=${measure} hasBest=${bestOf(points).length > 1} />
  `;
}

function Drawn({ points, measure, room, current, choose }) {
  const { x, y } = room;
  const at = points.map((point) => ({
    name: format.shortened(point.name, LONGEST),
    x: x(point.value),
    y: y(point.rate),
    high: y(point.ends.high),
    low: y(point.ends.low),
  }));
  const best = bestOf(points);
  const labels = useMemo(() => {
    const boxes = at.map(({ name, x: from, y: middle, low, high }, index) => {
      const next = best[best.indexOf(points[index]) + 1];
      const interval = { x: from - 2, y: high, width: 4, height: low - high };
      const line = next &&
        best.includes(points[index]) && { x: from, y: middle - 1, width: x(next.value) - from, height: 2 };
      return { x: from, y: middle, width: widthOf(name), obstacles: [interval, line].filter(Boolean) };
    });
    return placeLabels(boxes, { ...room, right: room.right + 10, top: room.top - 8 });
  }, [points, room.right]);
  const path = best.map(({ value, rate }, index) => `${index ? `H${x(value)}V` : `M${x(value)} `}${y(rate)}`);
  return html`
    ${best.length > 1 && html`<path class="best" d=${path.join("")} />`}
    ${at.map(({ x, y }, index) => labels[index]?.isFar && html`<line key=${`t${index}`} class="leader" x1=${x} y1=${y} x2=${labels[index].x + labels[index].width / 2} y2=${labels[index].y + labels[index].height / 2} />`)}
    ${points.map((_, index) => html`<${Point} key=${index} point=${points[index]} at=${at[index]} words=${wordsOf(points[index], measure)} isCurrent=${index === current} isFirst=${index === (current ?? 0)} choose=${() => choose(index)} />`)}
    ${current !== null && html`<g class="point above" aria-hidden="true" data-current="true" data-partial=${String(points[current].isPartial)}><${Mark} ...${at[current]} /></g>`}
    <g class="labels" aria-hidden="true">${at.map(({ name }, index) => labels[index] && html`<text key=${`n${index}`} data-current=${String(index === current)} x=${labels[index].x} y=${labels[index].y + 12}>${name}</text>`)}</g>
  `;
}

function Point({ point, at, words, isCurrent, isFirst, choose }) {
  return html`
    <g class="point" role="button" tabindex=${isFirst ? 0 : -1} aria-label=${words} aria-pressed=${String(isCurrent)} data-partial=${String(point.isPartial)} data-current=${String(isCurrent)} onFocus=${choose} onClick=${choose} onMouseEnter=${choose}>
      <${Mark} ...${at} />
      <circle class="reach" cx=${at.x} cy=${at.y} r="14" />
    </g>
  `;
}

// A point with its interval. The chosen one is drawn once more above all others, so that none covers it.
const Mark = ({ x, y, low, high }) => html`
  <path d=${`M${x} ${high}V${low}M${x - 4} ${high}h8M${x - 4} ${low}h8`} />
  <circle cx=${x} cy=${y} r="5" />
`;

// What the chosen point is, and the way to its agent.
const Said = ({ point, measure, hasBest }) =>
  point
    ? html`<p class="chosen">${wordsOf(point, measure)}${point.isPartial ? "; partial: another line has attempts at more benchmarks" : ""}. <${Link} href=${`/agents/${encodeURIComponent(point.entry.agent)}`}>Open the agent</${Link}></p>`
    : html`<p class="chosen quiet">Bars are 95 % intervals. ${hasBest && "Nothing above the dashed line is cheaper or quicker. "}Point at one, or choose it with Tab and the arrow keys.</p>`;
