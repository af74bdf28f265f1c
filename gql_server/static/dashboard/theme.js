// Dark or light: as the system says, until the viewer chooses. Applied before the first paint (see index.html).
import { Store } from "./store.js";

const KEY = "reev-gql-theme";
const CHOICES = ["system", "light", "dark"];

const stored = localStorage.getItem(KEY);
export const theme = new Store(CHOICES.includes(stored) ? stored : "system");

function apply(choice) {
  if (choice === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
}

apply(theme.value);
theme.subscribe((choice) => {
  localStorage.setItem(KEY, choice);
  apply(choice);
});

export const nextTheme = () => theme.update((now) => CHOICES[(CHOICES.indexOf(now) + 1) % CHOICES.length]);
