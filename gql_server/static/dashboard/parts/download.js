// Downloads what is shown, in each format of the export.
import { RequestFailed } from "../api.js";
import { html } from "../html.js";
import { authorization, session } from "../session.js";
import { attempt } from "./notices.js";

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

// A link cannot carry a token: with one, the file is fetched and then kept.
async function fetched(href, name) {
  const response = await fetch(href, { headers: authorization() });
  if (!response.ok) throw new RequestFailed(`The export answered with status ${response.status}`);
  keep(await response.blob(), name);
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
        const onClick = (event) => {
          if (!session.value.token) return;
          event.preventDefault();
          attempt(() => fetched(href, name));
        };
        return html` <a key=${extension} href=${href} download onClick=${onClick}>${words}</a>`;
      })}
    </span>
  `;
}
