// Real addresses for every page, so that links can be shared and the back button works. A page's filters are in the
// address too.
import { Store } from "./store.js";
import { html, useEffect, useRef } from "./html.js";
import { mayGoBack, mayLeave } from "./unsaved.js";
import { useStore } from "./use_store.js";
import { arrive, enter, leave, stateOfNew, visits } from "./visits.js";

const read = () => ({ path: location.pathname, search: location.search });

export const place = new Store(read());

addEventListener("popstate", () => {
  const { path, search } = place.value;
  // A link within the page, such as that to its content.
  if (location.pathname === path && location.search === search && !history.state)
    return enter({ isNew: true });
  if (!mayGoBack(path + search)) return;
  leave();
  enter({ isNew: false });
  visits.isBack = true;
  place.set(read());
  arrive({ isBack: true });
});

export function go(href, { replace = false } = {}) {
  if (href === location.pathname + location.search || !mayLeave(href, () => go(href, { replace }))) return;
  visits.isBack = false;
  if (replace) {
    history.replaceState(history.state, "", href);
    place.set(read());
    return;
  }
  const { path } = place.value;
  leave();
  history.pushState(stateOfNew(), "", href);
  enter({ isNew: false });
  place.set(read());
  if (place.value.path !== path) arrive({ isBack: false });
}

// A link that changes the page without loading it anew; with a modifier key it is an ordinary link.
export function Link({ href, children, ...others }) {
  const onClick = (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(href);
  };
  return html`<a href=${href} onClick=${onClick} ...${others}>${children}</a>`;
}

// The values behind `?` in the address, and how to change some of them; null or "" removes one.
export function useSearch() {
  const { path, search } = useStore(place);
  const values = Object.fromEntries(new URLSearchParams(search));
  const change = (changes, options = { replace: true }) => {
    const next = new URLSearchParams(location.search);
    for (const [key, value] of Object.entries(changes)) {
      if (value == null || value === "") next.delete(key);
      else next.set(key, value);
    }
    const text = next.toString();
    go(text ? `${path}?${text}` : path, options);
  };
  return [values, change];
}

// The first route whose pattern, such as `/executions/:id`, is the path: its page and parameters.
export function match(routes, path) {
  const parts = path.split("/").filter(Boolean);
  for (const [pattern, page] of routes) {
    const wanted = pattern.split("/").filter(Boolean);
    if (wanted.length !== parts.length) continue;
    const parameters = {};
    const fits = wanted.every((part, index) => {
      if (!part.startsWith(":")) return part === parts[index];
      try {
        parameters[part.slice(1)] = decodeURIComponent(parts[index]);
      } catch {
        return false;
      }
      return true;
    });
    if (fits) return [page, parameters];
  }
  return null;
}

// Puts title and focus where a reader expects them on a new page.
export function usePage(title) {
  const heading = useRef(null);
  useEffect(() => {
    document.title = `${title} · reev-gql`;
  }, [title]);
  useEffect(() => {
    if (visits.moved && document.activeElement === document.body)
      heading.current?.focus({ preventScroll: true });
  }, []);
  return heading;
}
