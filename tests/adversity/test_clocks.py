"""Clocks that disagree: order is by seq, times are the database's, durations those of a monotonic clock."""

from __future__ import annotations

import ast
from pathlib import Path

from store.executions import state_machine
from store.model import ExecutionId
from store.postgres.database import Database
from tests.helpers.places import REPOSITORY
from tests.helpers.stored_rows import append, ending, queued
from tests.helpers.workers import claim

PROGRAMS_OF_THEIR_OWN = "runner_bridge/local_runner"
"""A runner writes times of its machine into its files; no program computes with them."""

ALLOWED = {
    # The age of a process where the system counts it by the wall clock.
    "runner_bridge/processes/process_identity.py",
    # The age of a file: its time of modification is by the same clock.
    "runner_bridge/observing/logs.py",
    "runner_bridge/observing/sessions.py",
    "runner_bridge/importing/tool_log_import.py",
    "runner_bridge/worker/liveness.py",
    "runner_bridge/launchers/ray/node.py",
    "runner_bridge/launchers/ray/written_files.py",
    # Compares this clock with the database's, to tell a person how far they are apart.
    "gql_server/doctor/database.py",
    # The time of a request in its signature, and of a test message: the receiver compares it with its clock.
    "runner_bridge/webhooks/requests.py",
    "runner_bridge/webhooks/managing.py",
    # Whether what is kept for weeks, or sent for a while, is old: a clock that is wrong by minutes does no harm.
    "runner_bridge/webhooks/deliverer.py",
    # Whether a time is of today, for a person at this machine.
    "gql_server/cli/views/texts.py",
}


def wall_clocks(path: Path) -> list[str]:
    """Calls that read this machine's wall clock."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    texts = [ast.unparse(call.func) for call in calls]
    return [
        text
        for text in texts
        if text in ("time.time", "time.time_ns") or text.endswith((".utcnow", "datetime.now"))
    ]


def test_no_server_or_worker_uses_its_own_wall_clock() -> None:
    asking = {
        str(path.relative_to(REPOSITORY)): found
        for package in ("store", "schema", "runner_bridge", "gql_server")
        for path in (REPOSITORY / package).rglob("*.py")
        if (found := wall_clocks(path)) and PROGRAMS_OF_THEIR_OWN not in str(path)
    }
    assert set(asking) == ALLOWED, asking


async def ahead(db: Database, column: str, execution_id: ExecutionId) -> None:
    """As if the database's clock had been set back by an hour since."""
    await db.execute(
        f"UPDATE executions SET {column} = {column} + interval '1 hour' WHERE id = $1",  # noqa: S608
        execution_id,
    )


async def test_a_database_clock_that_is_set_back_makes_no_time_negative(db: Database) -> None:
    """As if the execution had been queued, or had started, before the clock was set back."""
    waiting, started = await queued(db), await queued(db)
    await ahead(db, "queued_at", waiting.id)
    claimed = await claim(db, waiting.id)
    assert claimed is not None and claimed.queue_duration_ms == 0
    stopped = await queued(db)
    await ahead(db, "queued_at", stopped.id)
    answer = await state_machine.request_stop(db, stopped.id)
    assert answer.execution.ended_at == answer.execution.queued_at
    await claim(db, started.id)
    await ahead(db, "started_at", started.id)
    await append(db, started.id, 1)
    for execution_id in (waiting.id, started.id):
        ended = await state_machine.finish(db, execution_id, ending())
        assert ended is not None and ended.ended_at == ended.started_at
