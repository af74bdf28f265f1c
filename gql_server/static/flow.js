// Draws the flow page's diagram from the Mermaid text in the page. When it cannot be drawn, the source stays on the
// page as text.
import { drawFlow } from "./drawing/draw_flow.js";

const diagram = document.getElementById("mermaid-diagram");

try {
  const source = document.getElementById("flow-source").textContent;
  const image = await drawFlow(source, { alt: "The flow as a state diagram; its steps are listed below." });
  diagram.replaceChildren(image);
  document.getElementById("flow-details").open = false;
} catch (error) {
  diagram.replaceChildren();
  document.getElementById("flow-status").textContent = "The diagram could not be drawn; its source is below.";
  console.error(error);
}
