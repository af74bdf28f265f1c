// The flow of an execution as a drawn diagram to be enlarged and moved about, with its Mermaid text to take along.
import { drawFlow } from "../../drawing/draw_flow.js";
import * as format from "../format.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../html.js";
import { useStore } from "../use_store.js";
import { theme } from "../theme.js";
import { Copy } from "./basics.js";
import { Loading } from "./notices.js";

const STEP = 1.25;
const SMALLEST = 0.02;
const LARGEST = 6;
const KEYS = { "+": STEP, "=": STEP, "-": 1 / STEP };
const WHEEL_PX = 300;

const isDark = (choice) =>
  choice === "dark" || (choice === "system" && matchMedia("(prefers-color-scheme: dark)").matches);

export function Flow({ flow }) {
  const choice = useStore(theme);
  const frame = useRef(null);
  const [image, setImage] = useState(null);
  const [problem, setProblem] = useState(null);
  const [zoom, setZoom] = useZoom(frame, image);

  useEffect(() => {
    let over = false;
    const options = {
      alt: `The flow as a state diagram with ${format.many(flow.toolCount, "tool call")}`,
      theme: isDark(choice) ? "dark" : "default",
    };
    drawFlow(flow.diagram, options).then(
      (drawn) => {
        if (over) return;
        frame.current.replaceChildren(drawn);
        setProblem(null);
        setImage(drawn);
      },
      (error) => {
        if (!over) setProblem(error.message);
      },
    );
    return () => {
      over = true;
    };
  }, [flow.diagram, choice]);

  const change = (factor) => setZoom((now) => now * factor);
  const fit = () => setZoom(fitting(frame.current, image));
  const [merged, left] = [Number(image?.dataset.merged ?? 0), Number(image?.dataset.left ?? 0)];
  return html`
    <div class="buttons">
      <button type="button" disabled=${!image} onClick=${() => change(STEP)} aria-label="Enlarge">+</button>
      <button type="button" disabled=${!image} onClick=${() => change(1 / STEP)} aria-label="Make smaller">−</button>
      <button type="button" disabled=${!image} onClick=${fit}>Show all of it</button>
      <button type="button" disabled=${!image} onClick=${() => setZoom(1)} title="Full size">${Math.round(zoom * 100)} %</button>
      <${Copy} text=${flow.diagram} label="Copy the Mermaid text" />
      <a href=${flow.page}>Open as a page</a>
    </div>
    ${problem && html`<p class="issue">The diagram could not be drawn: ${problem}</p><pre class="code">${flow.diagram}</pre>`}
    ${!problem && !image && html`<${Loading} what="the diagram" />`}
    ${merged > 0 && html`<p class="quiet">Arrows between the same two tools are drawn as one that says how many they are. Each call is listed under Tool calls, and is in the Mermaid text.</p>`}
    ${left > 0 && html`<p class="issue">The flow is too long to be drawn: its last ${format.many(left, "arrow")} are left out. All of it is in the Mermaid text.</p>`}
    <${Drawing} frame=${frame} change=${change} fit=${fit} setZoom=${setZoom} />
  `;
}

const fitting = (frame, image) =>
  image
    ? Math.min(
        1,
        (frame.clientWidth - 36) / image.naturalWidth,
        (frame.clientHeight - 36) / image.naturalHeight,
      )
    : 1;

// What is in the middle stays there when the size changes. A new diagram is shown whole, if it can be read then.
function useZoom(frame, image) {
  const [zoom, setZoom] = useState(1);
  const bounded = (next) =>
    setZoom((now) => Math.min(LARGEST, Math.max(SMALLEST, typeof next === "function" ? next(now) : next)));
  useLayoutEffect(() => {
    if (image) bounded(Math.max(0.5, fitting(frame.current, image)));
  }, [image]);
  useLayoutEffect(() => {
    if (!image) return;
    const box = frame.current;
    const middle = (start, seen, all) => (start + seen / 2) / all;
    const [x, y] = [
      middle(box.scrollLeft, box.clientWidth, box.scrollWidth),
      middle(box.scrollTop, box.clientHeight, box.scrollHeight),
    ];
    image.style.width = `${Math.round(image.naturalWidth * zoom)}px`;
    box.scrollLeft = x * box.scrollWidth - box.clientWidth / 2;
    box.scrollTop = y * box.scrollHeight - box.clientHeight / 2;
  }, [zoom, image]);
  return [zoom, bounded];
}

// The window on the diagram: moved by the arrow keys, as any region that scrolls, and by dragging.
function Drawing({ frame, change, fit, setZoom }) {
  const held = useRef(null);
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (KEYS[event.key]) change(KEYS[event.key]);
    else if (event.key === "0") setZoom(1);
    else if (event.key === "f") fit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const hold = (event) => {
    if (event.pointerType !== "mouse" || event.button !== 0) return;
    held.current = [event.clientX + frame.current.scrollLeft, event.clientY + frame.current.scrollTop];
    frame.current.setPointerCapture(event.pointerId);
  };
  const drag = (event) => {
    if (!held.current) return;
    frame.current.scrollLeft = held.current[0] - event.clientX;
    frame.current.scrollTop = held.current[1] - event.clientY;
  };
  const letGo = () => {
    held.current = null;
  };
  useEffect(() => {
    const turn = (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      change(2 ** (-event.deltaY / WHEEL_PX));
    };
    // Not passive: the browser would enlarge the page instead.
    frame.current.addEventListener("wheel", turn, { passive: false });
    return () => frame.current?.removeEventListener("wheel", turn);
  }, []);
  return html`
    <div class="drawing" ref=${frame} tabindex="0" role="region" aria-label="Flow diagram" aria-describedby="flow-keys" onKeyDown=${press} onPointerDown=${hold} onPointerMove=${drag} onPointerUp=${letGo} onPointerCancel=${letGo}></div>
    <p class="quiet" id="flow-keys">In the diagram: + and − change its size, f shows all of it, 0 its full size, the arrow keys and dragging move it.</p>
  `;
}
