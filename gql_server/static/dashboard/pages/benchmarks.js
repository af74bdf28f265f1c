import { html } from "../html.js";

export const BenchmarksPage = () => html`<h1>benchmarks</h1>`;
