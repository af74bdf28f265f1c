// Draws a flow's Mermaid text as an image, for the flow page and the dashboard alike. Mermaid works in a frame of its
// own (see frame.js), loaded when it is first needed; what comes back is shown as an image, in which no script runs
// and nothing is loaded.

import { mergedFlow } from "./merged_flow.js";

const FRAME_URL = "/drawing";

// The grey of the Mermaid text leaves too little contrast for words on it.
const GREY = "classDef tools fill:grey";
const TOOLS = {
  dark: `${GREY.replace("grey", "#3d4854")},color:#fff`,
  default: `${GREY.replace("grey", "#e2e6ea")},color:#111`,
};

let opening = null;
let last = 0;

function openFrame() {
  opening ??= new Promise((resolve, reject) => {
    const frame = document.createElement("iframe");
    frame.src = FRAME_URL;
    frame.title = "Drawing";
    frame.tabIndex = -1;
    frame.setAttribute("aria-hidden", "true");
    // Laid out, because text is measured in it, but nowhere to be seen.
    Object.assign(frame.style, {
      position: "fixed",
      left: "-10000px",
      width: "1600px",
      height: "1200px",
      border: "0",
    });
    frame.onerror = () => {
      opening = null;
      reject(new Error("the drawing frame cannot be loaded"));
    };
    answer(frame, (data) => data.ready).then(() => resolve(frame));
    document.body.append(frame);
  });
  return opening;
}

function answer(frame, isWanted) {
  return new Promise((resolve) => {
    const listen = ({ data, origin, source }) => {
      if (origin !== location.origin || source !== frame.contentWindow || !isWanted(data)) return;
      removeEventListener("message", listen);
      resolve(data);
    };
    addEventListener("message", listen);
  });
}

// An image of the diagram; `theme` is a theme of Mermaid. Rejects when it cannot be drawn. Its dataset says how many
// arrows are `merged` into another one, and how many are `left` out.
export async function drawFlow(source, { alt, theme = "default" }) {
  const frame = await openFrame();
  last += 1;
  const id = last;
  const drawn = answer(frame, (data) => data.id === id);
  const font = getComputedStyle(document.body).fontFamily;
  const { text, merged, left } = mergedFlow(source);
  frame.contentWindow.postMessage(
    { id, source: text.replace(GREY, TOOLS[theme] ?? GREY), theme, font },
    location.origin,
  );
  const { svg, error } = await drawn;
  if (error) throw new Error(error);
  const image = new Image();
  image.alt = alt;
  Object.assign(image.dataset, { merged, left });
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  return image;
}
