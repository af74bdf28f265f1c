// Queries and mutations over HTTP. An expected failure is data; everything else is a RequestFailed with words.
import { learnServerTime } from "./clock.js";
import { documentText } from "./documents.js";
import { parse } from "./exact_json.js";
import { tokenRefused } from "./session.js";
import { Store } from "./store.js";
import { learnViewer } from "./viewer.js";

export class RequestFailed extends Error {
  constructor(message, code = null) {
    super(message);
    this.name = "RequestFailed";
    this.code = code;
  }
}

export function failure(errors) {
  const [first] = errors;
  return new RequestFailed(first?.message ?? "The server gave no reason", first?.extensions?.code ?? null);
}

// Whether the server answered when it was last asked, over HTTP or by the socket; true until it did not.
export const reachable = new Store(true);

const PASSING = new Set(["UNREACHABLE", "BAD_ANSWER", "DATABASE_UNAVAILABLE"]);
// Whether the same question may be answered a little later.
export const passes = (error) => PASSING.has(error?.code);

let answered;
// Resolves when the page has asked its first question and has the answer.
export const firstAnswer = new Promise((resolve) => {
  answered = resolve;
});

const posted = (body) => ({
  method: "POST",
  headers: {
    "Content-Type": "application/json",
    Accept: "application/graphql-response+json, application/json;q=0.9",
  },
  body: JSON.stringify(body),
});

export const unreachable = () =>
  new RequestFailed("The server cannot be reached. Is `make serve` running?", "UNREACHABLE");

async function send(address, options) {
  try {
    const response = await fetch(address, options);
    reachable.set(true);
    return response;
  } catch {
    reachable.set(false);
    throw unreachable();
  }
}

const ahead = new Map();

// Asks before anybody wants it. Who then first asks the same gets this answer. `address` is that of the same question,
// which the browser may have asked already: then this waits for that answer.
export function askAhead(name, variables, address) {
  const answer = address ? answerOf(send(address)) : request(name, variables);
  // What is wrong is told to whoever asks.
  answer.catch(() => {});
  ahead.set(same(name, variables), answer);
}

const same = (name, variables) => `${name} ${JSON.stringify(variables)}`;

// The `data` of one operation; raises RequestFailed.
export async function ask(name, variables = {}) {
  const key = same(name, variables);
  const asked = ahead.get(key);
  ahead.delete(key);
  return asked ?? request(name, variables);
}

const request = (name, variables) =>
  answerOf(send("/graphql", posted({ query: documentText(name), variables })));

async function answerOf(sent) {
  const response = await sent;
  learnServerTime(response.headers.get("Date"));
  let answer;
  try {
    answer = parse(await response.text());
  } catch {
    throw new RequestFailed(`The server answered with status ${response.status} and no JSON`, "BAD_ANSWER");
  }
  answered();
  if (response.status === 401) tokenRefused(answer.errors[0].message);
  if (answer.errors?.length) throw failure(answer.errors);
  learnViewer(answer.data.viewer);
  return answer.data;
}

// The result of a mutation with one field; an `Error` member of its union is raised in its own words.
export async function act(name, input) {
  const data = await ask(name, { input });
  const [result] = Object.values(data);
  if (typeof result.code === "string" && typeof result.message === "string") {
    throw Object.assign(new RequestFailed(result.message, result.code), { result });
  }
  return result;
}
