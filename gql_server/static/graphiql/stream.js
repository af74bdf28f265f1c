// Turns a subscription into what GraphiQL can show. GraphiQL replaces the shown response by each event, so of a
// fast stream one would see only the latest: we yield a summary instead, with the number of events, their rate
// and the last ones, newest first, and at most every REDRAW_MS.
"use strict";

const LAST_EVENTS = 20;
const REDRAW_MS = 60;
const RATE_WINDOW_MS = 5000;

class EventSummary {
  constructor(now) {
    this.started = now;
    this.count = 0;
    this.last = [];
    this.arrivals = [];
    this.complete = false;
  }

  add(event, now) {
    this.count += 1;
    this.last.unshift(event);
    this.last.length = Math.min(this.last.length, LAST_EVENTS);
    this.arrivals.push(now);
  }

  show(now) {
    while (this.arrivals.length && this.arrivals[0] < now - RATE_WINDOW_MS) this.arrivals.shift();
    const span = Math.min(RATE_WINDOW_MS, Math.max(now - this.started, 1000));
    const perSecond = Math.round((this.arrivals.length / span) * 10000) / 10;
    return {
      stream: { events: this.count, perSecond: perSecond, complete: this.complete, shown: this.last.length },
      events: this.last,
    };
  }
}

// An async iterator over summaries of `operation`, subscribed to at `url`. `return` unsubscribes at once, also
// while `next` waits for an event that may never come (a generator would wait for it first).
function summaries(url, headers, operation) {
  const client = graphqlWs.createClient({ url: url, connectionParams: headers, retryAttempts: 0 });
  const summary = new EventSummary(performance.now());
  let wake = () => {};
  let failure = null;
  let ended = false;
  let shown = 0;
  let redrawAt = 0;
  client.subscribe(operation, {
    next: (event) => {
      summary.add(event, performance.now());
      wake();
    },
    error: (error) => {
      failure = error;
      wake();
    },
    complete: () => {
      summary.complete = true;
      wake();
    },
  });

  async function next() {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, redrawAt - performance.now())));
    while (!ended && !failure && !summary.complete && summary.count === shown) {
      await new Promise((resolve) => {
        wake = resolve;
      });
    }
    if (failure) throw describe(failure);
    if (ended) return { done: true, value: undefined };
    ended = summary.complete;
    shown = summary.count;
    redrawAt = performance.now() + REDRAW_MS;
    return { done: false, value: summary.show(performance.now()) };
  }

  async function end() {
    ended = true;
    wake();
    client.dispose();
    return { done: true, value: undefined };
  }

  return {
    next: next,
    return: end,
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

// GraphQL errors as they are; a closed socket in words.
function describe(failure) {
  if (Array.isArray(failure) || failure instanceof Error) return failure;
  if (failure instanceof CloseEvent) {
    return new Error(`The connection was closed: ${failure.code} ${failure.reason || "no reason given"}`);
  }
  return new Error("The websocket could not be opened");
}
