// Draws the flow page's diagram. The Mermaid text is read as text, and the drawing is shown as an image: in an
// image no script runs, nothing is loaded, and its styles need no leave from the page's policy. When it cannot be
// drawn, the source stays on the page as text.
(async () => {
  "use strict";
  const source = document.getElementById("flow-source").textContent;
  const diagram = document.getElementById("mermaid-diagram");
  const status = document.getElementById("flow-status");

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
    const { svg } = await mermaid.render("flow-drawing", source);
    const drawing = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
    if (drawing.nodeName !== "svg") throw new Error("the drawing is no SVG");
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
