"""The queue: executions that are QUEUED, taken by priority and then in the order of their requests.

There is no table of its own: an execution waits exactly while its status says so. Claims are made one at a time
over all workers and count running executions, so limits hold exactly and no slot can leak. A worker looks without
the lock first, and is told by other workers what they found (store.live.queue_hints).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from store import sql
from store.executions import rows
from store.model import Execution, ExecutionId, RunnerKind, WorkerId
from store.postgres.database import Database, Row
from store.postgres.retrying import retried
from store.records import record
from store.workers.concurrency_limits import Limits

SQL = sql.load("queue")

LOWEST_PRIORITY, HIGHEST_PRIORITY = -100, 100
"""The priorities that a request may have."""


class Outcome(StrEnum):
    """Why a worker found nothing more to take."""

    EMPTY = "EMPTY"
    """Nothing waits."""
    AGENTS = "AGENTS"
    """What waits is of agents at their limits."""
    FULL = "FULL"
    """As many run as may run over all workers."""


@record
class Look:
    """A look at the queue: what was claimed, and why there is nothing more, as of a snapshot of PostgreSQL.

    `outcome` is None when there may be more, which this worker has no capacity for.
    """

    taken: Sequence[Execution]
    snapshot: str
    outcome: Outcome | None


@retried
async def claim(
    db: Database, worker_id: WorkerId, limits: Limits, runner: RunnerKind | None = None, *, at_most: int = 1
) -> Look:
    """Claims the next executions that the limits allow, QUEUED → RUNNING.

    Executions of an agent at its limit are passed over, and do not keep others waiting.
    """
    agents = list(limits.of_agents)
    most = [limits.of_agents[agent] for agent in agents]
    seen = await db.fetchrow(SQL["look"], limits.total, agents, most, limits.fingerprint)
    if seen["outcome"] is not None:
        return Look((), seen["snapshot"], Outcome(seen["outcome"]))
    async with db.transaction() as connection:
        await connection.fetchval(SQL["lock"])
        found = await connection.fetch(
            SQL["claim"],
            *(worker_id, runner, limits.total, limits.capacity, agents, most, at_most, limits.fingerprint),
        )
    return _look(found)


def _look(found: Sequence[Row]) -> Look:
    first = found[0]
    taken = [rows.execution(row) for row in found if row["id"] is not None]
    outcome = None if first["outcome"] is None else Outcome(first["outcome"])
    return Look(taken, first["as_of"], outcome)


async def positions_of(db: Database, ids: Sequence[ExecutionId]) -> dict[ExecutionId, int]:
    """The positions of these executions; those that do not wait are absent."""
    found = await db.fetch(SQL["positions_of"], ids)
    return {ExecutionId(row["id"]): row["position"] for row in found}


async def positions(db: Database) -> dict[ExecutionId, int]:
    """The position of every waiting execution, 1 for the next; limits of agents are not counted in."""
    return {ExecutionId(row["id"]): row["position"] for row in await db.fetch(SQL["positions"])}
