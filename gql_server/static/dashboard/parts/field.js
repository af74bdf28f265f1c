// One field of a form or of a search: its label, what it is for, and what is wrong with it.
import { html, useEffect, useState } from "../html.js";

// `field` is {name, label, type, hint, choices, placeholder, required}; `value` is a text, of a checkbox a boolean.
export function Field({ field, value, problem, change }) {
  const { name, label, type, hint } = field;
  const id = `field-${name}`;
  const attributes = {
    id,
    "aria-invalid": problem ? "true" : undefined,
    "aria-describedby":
      [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(" ") || undefined,
  };
  return html`
    <div class="field" data-kind=${type ?? "text"}>
      ${
        type === "checkbox"
          ? html`<label class="switch"><input ...${attributes} type="checkbox" checked=${value} onChange=${(event) => change(event.target.checked)} /> ${label}</label>`
          : html`<label for=${id}>${label}</label><${Control} field=${field} value=${value} change=${change} attributes=${attributes} />`
      }
      ${hint && html`<p class="quiet" id=${`${id}-hint`}>${hint}</p>`}
      ${problem && html`<p class="problem" id=${`${id}-problem`}>✕ ${problem}</p>`}
    </div>
  `;
}

function Control({ field: { type, choices, placeholder, required }, value, change, attributes }) {
  const onInput = (event) => change(event.target.value);
  if (choices)
    return html`
      <select ...${attributes} value=${value} onChange=${onInput}>
        ${choices.map(([choice, words]) => html`<option key=${choice} value=${choice} selected=${choice === value}>${words}</option>`)}
      </select>
    `;
  if (type === "json")
    return html`<textarea ...${attributes} rows="4" spellcheck=${false} value=${value} onInput=${onInput}></textarea>`;
  // Numbers are texts too: a browser's number field hides what it cannot read.
  const kind = type === "password" || type === "url" ? type : "text";
  return html`
    <input ...${attributes} type=${kind} inputmode=${type === "number" ? "decimal" : undefined} autocomplete="off" spellcheck=${false}
      required=${required} placeholder=${placeholder ?? (type === "number" ? "default" : undefined)} value=${value} onInput=${onInput} />
  `;
}

const TYPING_MS = 250;

// A search in the address of a page: it changes when the viewer pauses.
export function SearchField({ label, value = "", change, ...attributes }) {
  const [text, setText] = useState(value);
  useEffect(() => {
    if (text === value) return undefined;
    const timer = setTimeout(() => change(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<label>${label} <input type="search" value=${text} onInput=${(event) => setText(event.target.value)} ...${attributes} /></label>`;
}
