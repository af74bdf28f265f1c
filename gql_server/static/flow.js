// Draws the flow page's diagram. The Mermaid text is read as text, and the drawing is shown as an image: in an
// image no script runs, nothing is loaded, and its styles need no leave from the page's policy. When it cannot be
// drawn, the source stays on the page as text.
(async () => {
  "use strict";
  const source = document.getElementById("flow-source").textContent;
  const diagram = document.getElementById("mermaid-diagram");
  const status = document.getElementById("flow-status");

  // Plain SVG text shows Mermaid's entities as they are written and breaks lines within them. So each is one
  // character of the private use area while Mermaid works: such characters are in no label, and `#` only begins
  // an entity.
  const PRIVATE = 0xe000;
  const withoutEntities = source.replace(/#(\d{1,3});/g, (_, code) => String.fromCharCode(PRIVATE + Number(code)));
  const restore = (drawing) => {
    const texts = document.createTreeWalker(drawing, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      texts.currentNode.data = texts.currentNode.data.replace(/[\ue000-\ue3e7]/g, (character) =>
        String.fromCharCode(character.charCodeAt(0) - PRIVATE),
      );
    }
  };

  const draw = async () => {
    const font = getComputedStyle(document.body).fontFamily;
    mermaid.initialize({
      startOnLoad: false,
      securityLevel: "strict",
      suppressErrorRendering: true,
      // Plain SVG text: an image shows no HTML.
      htmlLabels: false,
      flowchart: { htmlLabels: false },
      state: { htmlLabels: false },
      fontFamily: font,
      themeVariables: { fontFamily: font },
      maxTextSize: 1000000,
      maxEdges: 10000,
    });
    const { svg } = await mermaid.render("flow-drawing", withoutEntities);
    const drawing = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
    if (drawing.nodeName !== "svg") throw new Error("the drawing is no SVG");
    restore(drawing);
    const [, , width, height] = (drawing.getAttribute("viewBox") || "").split(/\s+/).map(Number);
    if (width > 0 && height > 0) {
      drawing.setAttribute("width", Math.ceil(width));
      drawing.setAttribute("height", Math.ceil(height));
    }
    const image = new Image();
    image.alt = "The flow as a state diagram; its steps are listed below.";
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(new XMLSerializer().serializeToString(drawing));
    await image.decode();
    diagram.replaceChildren(image);
  };

  try {
    await draw();
    document.getElementById("flow-details").open = false;
  } catch (error) {
    diagram.replaceChildren();
    status.textContent = "The diagram could not be drawn; its source is below.";
    console.error(error);
  }
})();
