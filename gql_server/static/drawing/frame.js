// The inside of the frame that Mermaid works in: a Mermaid text comes in, an SVG text goes out. Mermaid writes inline
// styles, so this one page allows them; nobody's text ever becomes markup of a page that people act on.

// Plain SVG text shows Mermaid's entities as they are written and breaks lines within them. So each is one
// character of the private use area while Mermaid works: such characters are in no label, and `#` only begins
// an entity.
const PRIVATE = 0xe000;

const withoutEntities = (source) =>
  source.replace(/#(\d{1,3});/g, (_, code) => String.fromCharCode(PRIVATE + Number(code)));

function restore(drawing) {
  const texts = document.createTreeWalker(drawing, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    texts.currentNode.data = texts.currentNode.data.replace(/[\ue000-\ue3e7]/g, (character) =>
      String.fromCharCode(character.charCodeAt(0) - PRIVATE),
    );
  }
}

async function draw({ source, theme, font }) {
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: "strict",
    suppressErrorRendering: true,
    // Plain SVG text: an image shows no HTML.
    htmlLabels: false,
    flowchart: { htmlLabels: false },
    state: { htmlLabels: false },
    theme,
    fontFamily: font,
    themeVariables: { fontFamily: font },
    maxTextSize: 1000000,
    maxEdges: 10000,
  });
  const { svg } = await mermaid.render("flow-drawing", withoutEntities(source));
  const drawing = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  if (drawing.nodeName !== "svg") throw new Error("the drawing is no SVG");
  restore(drawing);
  const [, , width, height] = (drawing.getAttribute("viewBox") || "").split(/\s+/).map(Number);
  if (width > 0 && height > 0) {
    drawing.setAttribute("width", Math.ceil(width));
    drawing.setAttribute("height", Math.ceil(height));
  }
  return new XMLSerializer().serializeToString(drawing);
}

// One drawing at a time: Mermaid's settings are global.
let former = Promise.resolve();

addEventListener("message", ({ data, origin, source: asker }) => {
  if (origin !== location.origin || asker !== parent) return;
  former = former.then(async () => {
    try {
      asker.postMessage({ id: data.id, svg: await draw(data) }, origin);
    } catch (error) {
      asker.postMessage({ id: data.id, error: error.message }, origin);
    }
  });
});

parent.postMessage({ ready: true }, location.origin);
