// Asks what the page of this address will show, while the modules that show it are still on their way. Only what says
// itself where its streams go on: the others must stand before their question.
import { askAhead } from "./api.js";
import { benchmarksOf, GRID_PAGE } from "./list_address.js";

const QUESTIONS = { "/": ["grid", GRID_PAGE], "/benchmarks": ["benchmarks"] };

const [name, size] = QUESTIONS[location.pathname] ?? [];
// Where there is no filter the page's head has asked already (pages.py).
const asked = document.getElementById("question")?.href;
if (name) askAhead(name, benchmarksOf(Object.fromEntries(new URLSearchParams(location.search)), size), asked);
