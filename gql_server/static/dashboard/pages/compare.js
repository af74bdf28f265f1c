import { html } from "../html.js";

export const ComparePage = () => html`<h1>compare</h1>`;
