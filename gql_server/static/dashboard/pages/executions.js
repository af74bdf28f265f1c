import { html } from "../html.js";

export const ExecutionsPage = () => html`<h1>executions</h1>`;
