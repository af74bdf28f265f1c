// Downloads what is shown, in each format of the export.
import { html } from "../html.js";

const FORMATS = [
  ["csv", "CSV"],
  ["jsonl", "JSON lines"],
  ["parquet", "Parquet"],
];

// Gives a browser a file to keep.
export function keep(blob, name) {
  const url = URL.createObjectURL(blob);
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}

// `filter` is an ExecutionFilter: its fields are the parameters of the export, a list one for each of its values.
export function Downloads({ what, filter }) {
  const parameters = new URLSearchParams(
    Object.entries(filter).flatMap(([name, value]) => [value].flat().map((one) => [name, one])),
  );
  return html`
    <span class="downloads">Download:
      ${FORMATS.map(([extension, words]) => {
        const name = `${what}.${extension}`;
        const href = `/export/${name}${parameters.size > 0 ? `?${parameters}` : ""}`;
        return html` <a key=${extension} href=${href} download>${words}</a>`;
      })}
    </span>
  `;
}
