import { html } from "../html.js";

export const ExecutionPage = () => html`<h1>execution</h1>`;
