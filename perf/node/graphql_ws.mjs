// graphql-ws on Node, its reference server, over the same events: one reader of the event log for all watchers.
//
//   node graphql_ws.mjs PORT DATABASE_URL
//
// Only `executionUpdates`, with the fields that the fan-out asks for. The doorbell of PostgreSQL rings, what is new is
// read once, and every watcher has it executed and serialised for itself, as graphql-ws does.
import { createServer } from "node:http";
import { buildSchema } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import pg from "pg";
import { WebSocketServer } from "ws";

const [port, connectionString] = process.argv.slice(2);

const TIMESTAMPTZ = 1184;
pg.types.setTypeParser(TIMESTAMPTZ, (text) => `${text.slice(0, 10)}T${text.slice(11)}:00`);

const schema = buildSchema(`
  enum ExecutionStatus { QUEUED RUNNING STOPPING SUCCEEDED FAILED TIMED_OUT STOPPED LOST }
  enum ToolCallStatus { SUCCESS ERROR TIMEOUT UNFINISHED }
  enum ExecutionEventKind { STATUS_CHANGED TOOL_CALL_STARTED TOOL_CALL_ENDED PROGRESS }
  type ToolCall { name: String! status: ToolCallStatus! durationMs: Int }
  type ExecutionEvent { seq: Int! kind: ExecutionEventKind! status: ExecutionStatus toolCall: ToolCall }
  type Execution {
    id: ID! benchmarkId: ID! agent: String! status: ExecutionStatus! queuedAt: String! startedAt: String
    endedAt: String score: Float revision: Int!
  }
  type ExecutionUpdate { cursor: String! event: ExecutionEvent execution: Execution }
  type Query { ready: Boolean! }
  type Subscription { executionUpdates: ExecutionUpdate! }
`);

// One list that grows, and a bell; a watcher is a place in the list.
const news = [];
let bell = deferred();

function deferred() {
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
}

function publish(updates) {
  news.push(...updates);
  const rung = bell;
  bell = deferred();
  rung.resolve();
}

async function* executionUpdates() {
  let place = news.length;
  yield { executionUpdates: { cursor: String(place) } };
  while (true) {
    const rung = bell.promise;
    while (place < news.length) yield { executionUpdates: news[place++] };
    await rung;
  }
}
schema.getSubscriptionType().getFields().executionUpdates.subscribe = executionUpdates;

const NEWS = `
  SELECT p.position, e.execution_id, e.seq, e.kind, e.status AS event_status, e.data, x.id, x.benchmark_id, x.agent,
         x.status, x.queued_at, x.started_at, x.ended_at, x.score, x.event_seq
  FROM event_positions p
  JOIN execution_events e ON e.execution_id = p.execution_id AND e.seq BETWEEN p.first_seq AND p.last_seq
  JOIN executions x ON x.id = e.execution_id
  WHERE p.position > $1::bigint ORDER BY p.position, e.seq`;

function update(row) {
  const { data } = row;
  const toolCall = row.kind.startsWith("TOOL_CALL")
    ? { name: data.name, status: data.status, durationMs: data.duration_ms }
    : null;
  return {
    cursor: `${row.position}:${row.execution_id}:${row.seq}`,
    event: { seq: row.seq, kind: row.kind, status: row.event_status, toolCall },
    execution: {
      id: row.id,
      benchmarkId: row.benchmark_id,
      agent: row.agent,
      status: row.status,
      queuedAt: row.queued_at,
      startedAt: row.started_at,
      endedAt: row.ended_at,
      score: row.score,
      revision: row.event_seq,
    },
  };
}

const database = new pg.Client({ connectionString, options: "-c timezone=UTC" });
await database.connect();
let [last] = (await database.query("SELECT coalesce(max(position), 0) AS position FROM event_positions"))
  .rows;
let reading = Promise.resolve();
database.on("notification", () => {
  reading = reading.then(async () => {
    const { rows } = await database.query({ name: "news", text: NEWS, values: [last.position] });
    if (rows.length === 0) return;
    last = rows.at(-1);
    publish(rows.map(update));
  });
});
await database.query("LISTEN reev_gql");

const server = createServer((_, response) => response.end("ready"));
useServer({ schema }, new WebSocketServer({ server, path: "/graphql", perMessageDeflate: false }));
server.listen(Number(port), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
