// The GraphQL documents this page sends, each a file of its own, so that a test holds them against the schema.
// A line `# import "name"` takes the fragments of another file. page_documents.py puts them together in the same way:
// the server knows its own documents by their text.

const IMPORT = /^# import "([a-z_]+)"$/gm;
const loaded = new Map();

async function fetchDocument(name) {
  const response = await fetch(new URL(`./documents/${name}.graphql`, import.meta.url));
  if (!response.ok) throw new Error(`The document ${name} cannot be loaded (${response.status})`);
  return response.text();
}

function loadFile(name) {
  if (!loaded.has(name)) {
    const loading = fetchDocument(name);
    // A failure is not remembered: the next page asks again.
    loading.catch(() => loaded.delete(name));
    loaded.set(name, loading);
  }
  return loaded.get(name);
}

// The whole text of a document with all fragments it needs, each once.
export async function documentText(name) {
  const texts = new Map();
  const add = async (file) => {
    if (texts.has(file)) return;
    texts.set(file, "");
    const text = await loadFile(file);
    texts.set(file, text.replace(IMPORT, "").trim());
    for (const [, imported] of text.matchAll(IMPORT)) await add(imported);
  };
  await add(name);
  return [...texts.values()].join("\n\n");
}
