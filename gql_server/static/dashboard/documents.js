// The GraphQL documents this page sends, each a file of its own, so that a test holds them against the schema.
// page_documents.py puts them together with their fragments; they come with the page and cost no request.

const texts = JSON.parse(document.getElementById("documents").textContent);

// The whole text of a document with all fragments it needs.
export function documentText(name) {
  const text = texts[name];
  if (text === undefined) throw new Error(`There is no document ${name}`);
  return text;
}
