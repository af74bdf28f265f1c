"""The queue: executions that are QUEUED, taken by priority and then in the order of their requests.

There is no table of its own: an execution waits exactly while its status says so. Claims are made one at a time
over all workers and count running executions, so limits hold exactly and no slot can leak.
"""

from __future__ import annotations

from collections.abc import Sequence

from store import sql
from store.executions import rows
from store.model import Execution, ExecutionId, RunnerKind, WorkerId
from store.postgres.database import Database
from store.postgres.retrying import retried
from store.workers.concurrency_limits import Limits

SQL = sql.load("queue")

LOWEST_PRIORITY, HIGHEST_PRIORITY = -100, 100
"""The priorities that a request may have."""


@retried
async def claim_next(
    db: Database, worker_id: WorkerId, limits: Limits, runner: RunnerKind | None = None
) -> Execution | None:
    """Claims the next execution, QUEUED → RUNNING; None when the limits allow none of those that wait.

    Executions of an agent at its limit are passed over, and do not keep others waiting.
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


async def positions_of(db: Database, ids: Sequence[ExecutionId]) -> dict[ExecutionId, int]:
    """The positions of these executions; those that do not wait are absent."""
    found = await db.fetch(SQL["positions_of"], ids)
    return {ExecutionId(row["id"]): row["position"] for row in found}


async def positions(db: Database) -> dict[ExecutionId, int]:
    """The position of every waiting execution, 1 for the next; limits of agents are not counted in."""
    return {ExecutionId(row["id"]): row["position"] for row in await db.fetch(SQL["positions"])}
