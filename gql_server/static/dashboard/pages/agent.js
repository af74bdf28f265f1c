import { html } from "../html.js";

export const AgentPage = () => html`<h1>agent</h1>`;
