// The server audits of graphql-http against the address given: one JSON object per audit, a line each.
import { serverAudits } from "graphql-http";

for (const audit of serverAudits({ url: process.argv[2], fetchFn: fetch })) {
  const result = await audit.fn();
  // Bodies that nobody reads keep connections open.
  await result.response?.body?.cancel?.().catch(() => {});
  console.log(
    JSON.stringify({ id: audit.id, name: audit.name, status: result.status, reason: result.reason }),
  );
}
