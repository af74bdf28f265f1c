// Node's fastest GraphQL server over the same database: Fastify and Mercurius with JIT, pg, prepared statements.
//
//   node mercurius.mjs dates|text PORT DATABASE_URL
//
// Only what the readings ask for, but for the dashboard's grid, whose `runnableLocally` only Python can tell.
// `dates`: times as pg gives them, Dates of milliseconds, which a DateTime scalar writes. `text`: they stay the text
// that PostgreSQL sends, to the microsecond, as who has measured would do it.
import Fastify from "fastify";
import { GraphQLScalarType } from "graphql";
import mercurius from "mercurius";
import pg from "pg";

const [times, port, connectionString] = process.argv.slice(2);

const TIMESTAMPTZ = 1184;
const BIGINT = 20;
if (times === "text")
  pg.types.setTypeParser(TIMESTAMPTZ, (text) => `${text.slice(0, 10)}T${text.slice(11)}:00`);
pg.types.setTypeParser(BIGINT, Number);

const pool = new pg.Pool({ connectionString, max: 10, options: "-c timezone=UTC" });
const rows = async (name, text, values) => (await pool.query({ name, text, values })).rows;

const schema = `
  scalar DateTime
  enum ExecutionStatus { QUEUED RUNNING STOPPING SUCCEEDED FAILED TIMED_OUT STOPPED LOST }
  type Benchmark { id: ID! description: String! }
  type ToolCall { ordinal: Int! name: String! durationMs: Int }
  type Execution {
    id: ID! benchmarkId: ID! agent: String! status: ExecutionStatus! score: Float executionTimeMs: Int
    queuedAt: DateTime! startedAt: DateTime endedAt: DateTime
    benchmark: Benchmark toolCalls: [ToolCall!]!
  }
  type ExecutionConnection { nodes: [Execution!]! }
  type Query { executions(first: Int): ExecutionConnection! execution(id: ID!): Execution }
`;

const ROW = `id, benchmark_id AS "benchmarkId", benchmark_revision AS revision, agent, status, score,
  execution_time_ms AS "executionTimeMs", queued_at AS "queuedAt", started_at AS "startedAt", ended_at AS "endedAt"`;

const DateTime = new GraphQLScalarType({
  name: "DateTime",
  serialize: times === "text" ? (text) => text : (date) => date.toISOString(),
});

const resolvers = {
  DateTime,
  Query: {
    executions: async (_, { first }) => ({
      nodes: await rows("list", `SELECT ${ROW} FROM executions ORDER BY queued_at DESC, id DESC LIMIT $1`, [
        first,
      ]),
    }),
    execution: async (_, { id }) =>
      (await rows("by_id", `SELECT ${ROW} FROM executions WHERE id = $1`, [id]))[0],
  },
};

const loaders = {
  Execution: {
    async benchmark(queries) {
      const found = await rows(
        "benchmarks",
        `SELECT benchmark_id AS id, revision, description FROM benchmark_revisions
         JOIN (SELECT DISTINCT * FROM unnest($1::text[], $2::int[]) AS t (benchmark_id, revision)) AS wanted
         USING (benchmark_id, revision)`,
        [queries.map(({ obj }) => obj.benchmarkId), queries.map(({ obj }) => obj.revision)],
      );
      const known = new Map(found.map((benchmark) => [`${benchmark.id} ${benchmark.revision}`, benchmark]));
      return queries.map(({ obj }) => known.get(`${obj.benchmarkId} ${obj.revision}`) ?? null);
    },
    async toolCalls(queries) {
      const found = await rows(
        "tool_calls",
        `SELECT execution_id, ordinal, name, duration_ms AS "durationMs" FROM execution_tool_calls
         WHERE execution_id = ANY($1::uuid[]) ORDER BY execution_id, ordinal`,
        [queries.map(({ obj }) => obj.id)],
      );
      const known = new Map(queries.map(({ obj }) => [obj.id, []]));
      for (const call of found) known.get(call.execution_id).push(call);
      return queries.map(({ obj }) => known.get(obj.id));
    },
  },
};

const app = Fastify();
app.register(mercurius, { schema, resolvers, loaders, jit: 1 });
app.get("/readyz", async () => "ready");
await app.listen({ host: "127.0.0.1", port: Number(port) });
process.on("SIGTERM", () => process.exit(0));
