// The flow of an execution as a drawn diagram that can be enlarged, with its Mermaid text to take along.
import { drawFlow } from "../../drawing/draw_flow.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { useStore } from "../use_store.js";
import { theme } from "../theme.js";
import { Copy } from "./basics.js";

const STEP = 1.25;
const SMALLEST = 0.25;
const LARGEST = 6;

const isDark = (choice) =>
  choice === "dark" || (choice === "system" && matchMedia("(prefers-color-scheme: dark)").matches);

export function Flow({ flow }) {
  const choice = useStore(theme);
  const frame = useRef(null);
  const [zoom, setZoom] = useState(1);
  const [problem, setProblem] = useState(null);

  useEffect(() => {
    let over = false;
    const options = {
      alt: `The flow as a state diagram with ${flow.toolCount} tool calls`,
      theme: isDark(choice) ? "dark" : "default",
    };
    drawFlow(flow.diagram, options).then(
      (image) => {
        if (!over) {
          frame.current.replaceChildren(image);
          setProblem(null);
          size(image, zoom);
        }
      },
      (error) => {
        if (!over) setProblem(error.message);
      },
    );
    return () => {
      over = true;
    };
  }, [flow.diagram, choice]);

  useEffect(() => {
    size(frame.current?.querySelector("img"), zoom);
  }, [zoom]);

  const change = (factor) => setZoom((now) => Math.min(LARGEST, Math.max(SMALLEST, now * factor)));
  return html`
    <div class="buttons">
      <button type="button" onClick=${() => change(STEP)} aria-label="Enlarge">+</button>
      <button type="button" onClick=${() => change(1 / STEP)} aria-label="Make smaller">−</button>
      <button type="button" onClick=${() => setZoom(1)}>${Math.round(zoom * 100)} %</button>
      <${Copy} text=${flow.diagram} label="Copy the Mermaid text" />
      <a href=${flow.page}>Open as a page</a>
    </div>
    ${problem && html`<p class="issue">The diagram could not be drawn: ${problem}</p><pre class="code">${flow.diagram}</pre>`}
    <div class="drawing" ref=${frame} tabindex="0" role="region" aria-label="Flow diagram"></div>
  `;
}

function size(image, zoom) {
  if (image) image.style.width = `${Math.round(image.naturalWidth * zoom)}px`;
}
