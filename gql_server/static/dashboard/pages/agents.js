import { html } from "../html.js";

export const AgentsPage = () => html`<h1>agents</h1>`;
