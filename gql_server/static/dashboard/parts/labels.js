// Tags, and the form that changes them, with a name and a note where there are such.
import { html, useState } from "../html.js";
import { Link } from "../router.js";
import { mayLeave, useUnsaved } from "../unsaved.js";
import { Doing } from "./doing.js";
import { Field } from "./field.js";

// Each leads to what else has it.
export const Tags = ({ tags, href }) =>
  tags.map(
    (tag) =>
      html`<${Link} key=${tag} class="tag" href=${`${href}${encodeURIComponent(tag)}`}>${tag}</${Link}> `,
  );

const TAGS = { name: "tags", label: "Tags", hint: "Each key or key=value, with spaces between." };
const NAME = { name: "name", label: "Name" };
const NOTE = { name: "note", label: "Note", hint: "What it is for." };

// What a field with tags means.
export const listed = (text) => [...new Set(text.split(/\s+/).filter(Boolean))];

// `save({name, note, add, remove})` is called with what has changed, and returns whether it is stored.
export function LabelForm({ of: { name, note, tags }, named = false, save, close }) {
  const [values, setValues] = useState({ name: name ?? "", note: note ?? "", tags: tags.join(" ") });
  const isChanged =
    values.name !== (name ?? "") || values.note !== (note ?? "") || values.tags !== tags.join(" ");
  const release = useUnsaved(isChanged);
  const submit = async (event) => {
    event.preventDefault();
    const wanted = listed(values.tags);
    const changes = {
      add: wanted.filter((tag) => !tags.includes(tag)),
      remove: tags.filter((tag) => !wanted.includes(tag)),
      ...(named && { name: values.name, note: values.note }),
    };
    if (!(await save(changes))) return;
    release();
    close();
  };
  return html`
    <form class="editor" aria-label="Labels" onSubmit=${submit}>
      ${(named ? [NAME, NOTE, TAGS] : [TAGS]).map(
        (field) =>
          html`<${Field} key=${field.name} field=${field} value=${values[field.name]} change=${(value) => setValues({ ...values, [field.name]: value })} />`,
      )}
      <div class="buttons">
        <${Doing} type="submit" class="primary">Save</${Doing}>
        <button type="button" onClick=${() => mayLeave(null, close) && close()}>Cancel</button>
      </div>
    </form>
  `;
}
