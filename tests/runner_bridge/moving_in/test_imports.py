"""Imports that servers carry out: one at a time over all of them, known to all, also when their server is gone."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from runner_bridge.moving_in import imports, moving_in
from runner_bridge.moving_in.imports import ImportUnderWay, ReevImport, ReevImports
from runner_bridge.moving_in.moving_in import ReevFile
from runner_bridge.moving_in.report import DatabaseReport, RowOutcome, TableReport
from store.executions import imports as stored_imports
from store.executions.imports import SERVER_GONE, ImportState
from store.postgres.database import Database
from tests.helpers.patience import until

FILE = ReevFile(Path("/somewhere/reev_results.db"))
REPORT = DatabaseReport("a", "b", False, {"results": TableReport("results", 7)}, ["a note"])
REPORT.count({"results": 3}, RowOutcome.MADE)
REPORT.skip({"results": 1}, "it is junk")
REPORT.statuses["SUCCEEDED"] += 3


async def test_every_server_knows_an_import_and_how_it_ended(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = asyncio.Event()

    async def slow(
        _: Database, file: ReevFile, *, dry_run: bool, progress: Callable[[DatabaseReport], None]
    ) -> DatabaseReport:
        progress(REPORT)
        await goes_on.wait()
        return REPORT

    monkeypatch.setattr(moving_in, "import_reev_database", slow)
    monkeypatch.setattr(imports, "WRITE_S", 0.01)
    monkeypatch.setattr(imports, "LOOK_S", 0.01)
    here, there = ReevImports(), ReevImports()
    assert [one async for one in there.follow(db, uuid.uuid4())] == []

    first = await here.start(db, FILE, dry_run=False)
    told: list[ReevImport] = []

    async def follow() -> None:
        async for one in there.follow(db, first.id):
            told.append(one)

    following = asyncio.create_task(follow())
    await until(lambda: told and told[-1].report == REPORT)
    for server in (here, there):
        with pytest.raises(ImportUnderWay) as refused:
            await server.start(db, FILE, dry_run=False)
        assert refused.value.import_id == first.id
    # The server is stopped: everybody learns of the end, and the next import can begin.
    await here.close()
    await following
    assert (told[-1].state, told[-1].problem) == (ImportState.FAILED, SERVER_GONE)
    assert told[-1].ended_at is not None and told[-1].report == REPORT

    # One whose server was killed has written no end, only no more heartbeats.
    gone = await db.fetchval(
        "INSERT INTO reev_imports (path, dry_run, heartbeat_at) "
        "VALUES ('x', true, clock_timestamp() - interval '1 minute') RETURNING id"
    )
    found = await there.get(db, gone)
    assert found is not None and (found.state, found.problem) == (ImportState.FAILED, SERVER_GONE)
    assert found.ended_at is not None

    goes_on.set()
    second = await there.start(db, FILE, dry_run=True)
    *_, last = [one async for one in there.follow(db, second.id)]
    assert (last.state, last.problem, last.report) == (ImportState.COMPLETED, None, REPORT)
    # The killed one was only slow: it was given up when the next began, and that end stays.
    await stored_imports.end(db, gone, ImportState.COMPLETED, None, None)
    found = await there.get(db, gone)
    assert found is not None and (found.state, found.problem) == (ImportState.FAILED, SERVER_GONE)
    known = await here.all(db)
    assert [one.id for one in known[:1]] == [second.id] and {first.id, gone} < {one.id for one in known}
    assert [one.state for one in known].count(ImportState.RUNNING) == 0
    monkeypatch.setattr("store.executions.imports.KEPT", 1)
    *_, last = [one async for one in there.follow(db, (await there.start(db, FILE, dry_run=True)).id)]
    assert await db.fetchval("SELECT count(*) FROM reev_imports") == 2, "the last ended, and the new one"
