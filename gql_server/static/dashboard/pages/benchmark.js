import { html } from "../html.js";

export const BenchmarkPage = () => html`<h1>benchmark</h1>`;
