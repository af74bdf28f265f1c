// Real clients against a real server: `node clients.mjs NAME URL`. Each does the same things in its own way and
// prints what it saw as one JSON object: a query, the first events of a subscription that it then leaves, and
// what it is told of a document that is not valid.
import { readFileSync } from "node:fs";
import { WebSocket } from "ws";

const [name, url, payloadJson] = process.argv.slice(2);
const { query, subscription, wrong, events } = JSON.parse(payloadJson ?? readFileSync(0, "utf8"));
const socketUrl = url.replace(/^http/, "ws");

async function firstOf(iterator, count) {
  const seen = [];
  for await (const item of iterator) {
    seen.push(item);
    if (seen.length === count) break;
  }
  return seen;
}

async function messageOf(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return JSON.stringify(Array.isArray(error) ? error : (error.message ?? error));
  }
}

async function viaIterators(client) {
  const one = async (document) => {
    for await (const item of client.iterate({ query: document })) {
      if (item.errors) throw item.errors;
      return item;
    }
  };
  const result = {
    query: (await one(query)).data,
    events: (await firstOf(client.iterate({ query: subscription }), events)).map((item) => item.data),
    wrong: await messageOf(one(wrong)),
  };
  await client.dispose();
  return result;
}

const clients = {
  async "graphql-ws"() {
    const { createClient } = await import("graphql-ws");
    return viaIterators(
      createClient({ url: socketUrl, webSocketImpl: WebSocket, retryAttempts: 0, keepAlive: 50 }),
    );
  },

  async "graphql-sse"() {
    const { createClient } = await import("graphql-sse");
    return viaIterators(createClient({ url, retryAttempts: 0 }));
  },

  async urql() {
    const { Client, fetchExchange, subscriptionExchange } = await import("@urql/core");
    const { createClient } = await import("graphql-ws");
    const sockets = createClient({ url: socketUrl, webSocketImpl: WebSocket, retryAttempts: 0 });
    const forwardSubscription = (request) => ({
      subscribe: (sink) => ({
        unsubscribe: sockets.subscribe({ ...request, query: request.query || "" }, sink),
      }),
    });
    const exchanges = [subscriptionExchange({ forwardSubscription }), fetchExchange];
    const client = new Client({ url, exchanges, preferGetMethod: false });
    const result = await viaUrql(client);
    await sockets.dispose();
    return result;
  },

  async "urql-sse"() {
    const { Client, fetchExchange } = await import("@urql/core");
    return viaUrql(
      new Client({ url, exchanges: [fetchExchange], fetchSubscriptions: true, preferGetMethod: false }),
    );
  },

  async apollo() {
    const { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } = await import("@apollo/client");
    const { GraphQLWsLink } = await import("@apollo/client/link/subscriptions");
    const { createClient } = await import("graphql-ws");
    const sockets = createClient({ url: socketUrl, webSocketImpl: WebSocket, retryAttempts: 0 });
    const link = ApolloLink.split(
      ({ query: document }) => document.definitions.some((node) => node.operation === "subscription"),
      new GraphQLWsLink(sockets),
      new HttpLink({ uri: url, fetch }),
    );
    const client = new ApolloClient({ link, cache: new InMemoryCache() });
    const seen = await new Promise((resolve, reject) => {
      const items = [];
      const watching = client.subscribe({ query: gql(subscription) }).subscribe({
        next(item) {
          items.push(item.data);
          if (items.length === events) {
            watching.unsubscribe();
            resolve(items);
          }
        },
        error: reject,
      });
    });
    const result = {
      query: (await client.query({ query: gql(query), fetchPolicy: "no-cache" })).data,
      events: seen,
      wrong: await messageOf(client.query({ query: gql(wrong), fetchPolicy: "no-cache" })),
    };
    client.stop();
    await sockets.dispose();
    return result;
  },
};

async function viaUrql(client) {
  const seen = await new Promise((resolve, reject) => {
    const items = [];
    const watching = client.subscription(subscription, {}).subscribe((item) => {
      if (item.error) return reject(item.error);
      items.push(item.data);
      if (items.length === events) {
        resolve(items);
        queueMicrotask(() => watching.unsubscribe());
      }
    });
  });
  const answer = await client.query(query, {}).toPromise();
  const refused = await client.query(wrong, {}).toPromise();
  return { query: answer.data, events: seen, wrong: refused.error?.message ?? null };
}

console.log(JSON.stringify(await clients[name]()));
process.exit(0);
