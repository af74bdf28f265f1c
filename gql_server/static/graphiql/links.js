// Links to an operation: `/graphiql?query=…&variables=…` opens it in a tab of its own, and executes nothing.

// A request line that is longer is refused (8 KiB).
const LONGEST = 7500;

// The tab that the address asks for, or null.
export function tabOfLink() {
  const parameters = new URLSearchParams(location.search);
  const query = parameters.get("query");
  if (!query) return null;
  return { query, variables: pretty(parameters.get("variables") ?? "") };
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // GraphiQL says what is wrong with it.
    return text;
  }
}

// The address of an operation, or null when it would be too long.
export function linkTo(query, variables) {
  const parameters = new URLSearchParams({ query });
  if (variables.trim()) parameters.set("variables", variables);
  const address = `/graphiql?${parameters}`;
  return address.length > LONGEST ? null : address;
}

// Puts the link into the address bar and, where the browser permits it, into the clipboard; says what was done.
export async function share(query, variables) {
  if (!query.trim()) return "There is no operation to link to";
  const address = linkTo(query, variables);
  if (!address) return "This operation is too long for a link: send its text";
  history.replaceState(null, "", address);
  try {
    await navigator.clipboard.writeText(location.href);
    return "The link is copied, and in the address bar";
  } catch {
    return "The link is in the address bar";
  }
}
