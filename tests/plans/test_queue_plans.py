"""What the queue and the workers ask reads no table from end to end, with 5,000 executions waiting."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable

import pytest

from store.executions import queue, state_machine
from store.model import ExecutionId
from store.postgres.database import Database
from store.workers import workers
from store.workers.concurrency_limits import Limits
from tests.helpers.workers import registered, registration
from tests.plans.test_plans import big, plans_of, scanned, seeded_url

__all__ = ["big", "seeded_url"]

READ = {"executions", "execution_events", "workers"}
SOME = [ExecutionId(uuid.UUID(int=60_000 + n)) for n in range(50)]

WAITING = """
ALTER TABLE executions DISABLE TRIGGER ALL;
INSERT INTO executions (id, benchmark_id, benchmark_revision, agent, timeout_ms, event_seq, queued_at)
SELECT lpad(to_hex(60000 + n), 32, '0')::uuid, 'b' || n % 200, 1, 'a' || n % 50, 1000, 1,
       '2026-02-01Z'::timestamptz + n * interval '1 s'
FROM generate_series(0, 4999) AS n;
INSERT INTO workers (id, host, machine_id, boot_id, sessions_dir, process_id, process_started_at, capacity,
                     version, left_at)
SELECT gen_random_uuid(), 'h', 'm', 'b', '/s', 1, 1, 1, '1', now() FROM generate_series(1, 20000);
ANALYZE;
"""


async def claimed(db: Database) -> object:
    limits = Limits(10_000, of_agents={"a1": 1})
    return await queue.claim(db, await registered(db), limits, at_most=4)


async def heartbeat(db: Database) -> object:
    async with db.connection() as connection:
        return await workers.send_heartbeat(connection, registration("another"))


ASKED: dict[str, Callable[[Database], Awaitable[object]]] = {
    "the next": claimed,
    "positions of a page": lambda db: queue.positions_of(db, SOME),
    "all positions": queue.positions,
    "who owns what": workers.owned,
    "a heartbeat": heartbeat,
    "who is there": workers.present,
    "who is given up": lambda db: workers.mark_gone(db, 30),
    "who is forgotten": workers.delete_gone,
    "stop of a waiting one": lambda db: state_machine.request_stop(db, SOME[7]),
}


@pytest.fixture
async def waiting(big: Database) -> Database:
    await big.execute(WAITING)
    return big


async def test_the_queue_and_the_workers_are_read_from_indexes(waiting: Database) -> None:
    """Plans for known arguments: the queue's table is small most of the time, and planned anew when it grew."""
    found = {what: await plans_of(waiting, ask) for what, ask in ASKED.items()}
    assert all(found.values())
    read = {what: set().union(*(scanned(plan) for plan in plans[::2])) for what, plans in found.items()}
    # Once an hour, and of the workers only: which of them executed nothing is asked of an index.
    assert read.pop("who is forgotten") & READ == {"workers"}
    assert {what: tables & READ for what, tables in read.items() if tables & READ} == {}
