// The frame of a chart: axes with their marks around what is drawn, as wide as there is room, and the table behind it.
import { html, useLayoutEffect, useRef, useState } from "../html.js";

const [TOP, BOTTOM] = [10, 36];
const CHARACTER_PX = 6.8;

// How wide the element is that has the reference; 0 until it is known.
function useWidth() {
  const frame = useRef(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const look = () => setWidth(Math.round(frame.current?.clientWidth ?? 0));
    look();
    const observer = new ResizeObserver(look);
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, []);
  return [frame, width];
}

// `axes(width)` gives {x, y} for so much room, see axes.js. `children({x, y, width, height})` draws inside, with `x(value)`
// and `y(value)` in pixels. `label` says in words what is to be seen. A plot with things to choose has `role` "group".
export function Plot({ label, axes, height = 200, titles = [], role = "img", children, ...others }) {
  const [frame, width] = useWidth();
  return html`<div class="plot" ref=${frame} style=${{ height: `${height}px` }}>
    ${width > 0 && html`<${Drawing} label=${label} axes=${axes} width=${width} height=${height} titles=${titles} role=${role} others=${others}>${children}</${Drawing}>`}
  </div>`;
}

function Drawing({ label, axes, width, height, titles: [xTitle, yTitle], role, others, children }) {
  const top = yTitle ? TOP + 16 : TOP;
  const bottom = xTitle ? BOTTOM + 14 : BOTTOM;
  const { x, y } = axes(width);
  const left = 12 + CHARACTER_PX * Math.max(...y.marks.map(([, words]) => words.length));
  // The words of the last mark stand on both sides of it.
  const right =
    14 +
    (CHARACTER_PX / 2) * Math.max(...x.marks.slice(-1).map(([, words]) => Math.min(words.length, 12)), 0);
  const room = { width: width - left - right, height: height - top - bottom };
  const placeX = (value) => left + x.place(value) * room.width;
  const placeY = (value) => top + (1 - y.place(value)) * room.height;
  const end = top + room.height;
  return html`
    <svg width=${width} height=${height} role=${role} aria-label=${label} ...${others}>
      <g class="axis" aria-hidden="true">
        ${y.marks.map(([value, words]) => html`<line key=${`l${words}`} x1=${left} x2=${width - right} y1=${placeY(value)} y2=${placeY(value)} /><text key=${words} class="y" x=${left - 6} y=${placeY(value)} dy="0.35em">${words}</text>`)}
        ${x.marks.map(([value, words]) => html`<${XMark} key=${value} at=${placeX(value)} end=${end} words=${words} />`)}
        ${yTitle && html`<text class="title" x="0" y="12">${yTitle}</text>`}
        ${xTitle && html`<text class="title x" x=${width - right} y=${height - 4}>${xTitle}</text>`}
      </g>
      ${children({ x: placeX, y: placeY, left, top, right: width - right, bottom: end })}
    </svg>
  `;
}

const XMark = ({ at, end, words }) => html`
  <line x1=${at} x2=${at} y1=${end} y2=${end + 4} />
  <text class="x" y=${end + 16}>${words.split("\n").map((line, index) => html`<tspan key=${index} x=${at} dy=${index ? "1.1em" : 0}>${line}</tspan>`)}</text>
`;

// A chart with its title, and the table behind it, which is made when it is opened. `rows` are lists of cells.
export function Figure({ title, columns, rows, children }) {
  const [open, setOpen] = useState(false);
  return html`
    <figure class="surface chart" aria-label=${title}>
      <figcaption><h2>${title}</h2></figcaption>
      ${children}
      <details onToggle=${(event) => setOpen(event.target.open)}>
        <summary>Table<span class="hidden"> of ${title}</span></summary>
        ${open && html`<${Behind} title=${title} columns=${columns} rows=${rows} />`}
      </details>
    </figure>
  `;
}

const Behind = ({ title, columns, rows }) => html`
  <div class="table-frame behind" tabindex="0" role="region" aria-label=${`Table of ${title}`}>
    <table>
      <thead><tr>${columns.map((name) => html`<th scope="col" key=${name}>${name}</th>`)}</tr></thead>
      <tbody>${rows.map(([first, ...others], index) => html`<tr key=${index}><th scope="row">${first}</th>${others.map((cell, index) => html`<td key=${index}>${cell}</td>`)}</tr>`)}</tbody>
    </table>
  </div>
`;
