"""The queue of executions that wait for a worker: PgQueuer's table, our one entrypoint, our own way to take.

A place is inserted with its execution and deleted in the transaction that claims or stops it, so the two never
disagree; `reconcile` mends what a hand has done. PgQueuer's own manager is not used: it counts places per
entrypoint, where limits are over agents, workers and all together; and a place whose worker went silent it
gives to any other, where only one on the same machine can see the runner (see runner_bridge.worker.recovery).
Claims are made one at a time over all workers and count living rows: no slot can leak.
"""

from __future__ import annotations

from collections.abc import Sequence

from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.queries import Queries

from store import sql
from store.executions import rows
from store.model import Execution, ExecutionId, RunnerKind, WorkerId
from store.postgres.database import Connection, Database
from store.postgres.retrying import retried
from store.workers.concurrency_limits import Limits

SQL = sql.load("queue")

ENTRYPOINT = "execution"


LOWEST_PRIORITY, HIGHEST_PRIORITY = -100, 100
"""What may be asked for: enough to sort by, and far from what the queue's table can hold."""


class GiveBack(Exception):
    """Raised when a worker cannot go on with an execution: another one takes over."""


async def enqueue(connection: Connection, ids: Sequence[ExecutionId], priority: int) -> None:
    """Puts executions in the queue in this order, inside the caller's transaction.

    The higher priority is taken first. Those that have a place already keep it.
    """
    names: list[str | None] = [str(execution_id) for execution_id in ids]
    payloads: list[bytes | None] = [str(execution_id).encode() for execution_id in ids]
    await Queries(AsyncpgDriver(connection)).enqueue(
        [ENTRYPOINT] * len(ids), payloads, [priority] * len(ids), dedupe_key=names, on_conflict="skip"
    )


@retried
async def claim_next(
    db: Database, worker_id: WorkerId, limits: Limits, runner: RunnerKind | None = None
) -> Execution | None:
    """Takes what is next, QUEUED → RUNNING; None when nothing waits that the limits allow now.

    An agent at its limit is passed over; it keeps nobody behind it waiting.
    """
    agents = list(limits.of_agents)
    async with db.transaction() as connection:
        await connection.fetchval(SQL["lock"])
        row = await connection.fetchrow(
            SQL["claim_next"],
            worker_id,
            runner,
            limits.total,
            limits.capacity,
            agents,
            [limits.of_agents[agent] for agent in agents],
        )
    return None if row is None else rows.execution(row)


@retried
async def reconcile(db: Database) -> tuple[int, int]:
    """Gives waiting executions without a place one, and drops places whose execution does not wait.

    Returns how many of each; neither happens unless somebody changed the tables by hand.
    """
    async with db.transaction() as connection:
        await connection.fetchval(SQL["lock"])
        dropped = int(await connection.fetchval(SQL["drop_stale_places"]))
        missing = await connection.fetch(SQL["without_place"])
        for row in missing:
            await enqueue(connection, [ExecutionId(row["id"])], row["priority"])
    return len(missing), dropped


async def positions_of(db: Database, ids: Sequence[ExecutionId]) -> dict[ExecutionId, int]:
    """The places of these executions; those that do not wait are absent."""
    found = await db.fetch(SQL["positions_of"], [str(execution_id) for execution_id in ids])
    return {ExecutionId(row["id"]): row["position"] for row in found}


async def positions(db: Database) -> dict[ExecutionId, int]:
    """The place of every waiting execution, 1 for the next, not counting who is held back by a limit."""
    return {ExecutionId(row["id"]): row["position"] for row in await db.fetch(SQL["positions"])}
