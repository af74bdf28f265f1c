"""A worker applies retention; files are removed only when that is set, and only those of our executions."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from runner_bridge.importing.import_files import import_session_files
from runner_bridge.sessions.reports import ImportOutcome
from runner_bridge.worker.retention import PrunedFiles, RetentionPolicy, keep_pruning, remove_files
from store.errors import DatabaseUnavailable
from store.executions import retention
from store.model import ExecutionId
from store.postgres.database import Database
from tests.helpers.bridge import Bridge
from tests.helpers.patience import eventually
from tests.helpers.stored_rows import background
from tests.store.executions.test_retention import age, lived, prune_all

MONTH = dt.timedelta(days=30)


def files_of(bridge: Bridge, execution_id: uuid.UUID | str, days: float = 40) -> list[Path]:
    """The files that our runner leaves, last written that long ago."""
    bridge.config.output_dir.mkdir(exist_ok=True)
    sessions = bridge.config.sessions_dir
    paths = [
        bridge.output(ExecutionId(uuid.UUID(str(execution_id)))),
        sessions / f"session_{execution_id}.json",
        sessions / f"enhanced_otel_{execution_id}.jsonl",
    ]
    for path in paths:
        path.write_text("12345")
        then = path.stat().st_mtime - days * 86_400
        os.utime(path, (then, then))
    return paths


async def test_a_worker_prunes_what_is_old_and_goes_on_after_a_fault(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, young = await lived(bridge.db), await lived(bridge.db)
    await age(bridge.db, old)
    paths, prune, faults = (
        files_of(bridge, old),
        retention.prune,
        [DatabaseUnavailable("away"), KeyError("us")],
    )

    async def prune_at_the_third_try(db: Database, before: dt.datetime) -> retention.Bulk | None:
        if faults:
            raise faults.pop()
        return await prune(db, before)

    monkeypatch.setattr(retention, "prune", prune_at_the_third_try)
    keeping = keep_pruning(
        bridge.db, bridge.config, RetentionPolicy(MONTH), first_pass_s=0, between_passes_s=0.01
    )
    async with background(keeping):
        await eventually(lambda: retention.pruned_of(bridge.db, [old]))
    assert await retention.pruned_of(bridge.db, [young]) == {}
    assert all(path.exists() for path in paths), "files are only removed when that is asked for"


async def test_a_worker_makes_tables_of_days_and_drops_them_when_they_are_old(bridge: Bridge) -> None:
    policy, db = RetentionPolicy(MONTH), bridge.db
    await background_pass(bridge, policy, lambda: db.fetchval("SELECT count(*) FROM execution_days"))
    dated = await lived(db)
    assert dated.version == 8
    await db.execute("UPDATE execution_events SET at = at - interval '40 days'")
    await db.execute("UPDATE execution_days SET first_day = first_day - 40, last_day = last_day - 40")
    tables = await db.fetch("SELECT relname FROM pg_class WHERE relname ~ '_20[0-9_]+$' AND relkind = 'r'")
    for table in [row["relname"] for row in tables]:
        then = dt.date(*map(int, table[-10:].split("_"))) - dt.timedelta(days=40)
        await db.execute(f"ALTER TABLE {table} RENAME TO {table[:-10]}{then:%Y_%m_%d}")
    await background_pass(bridge, policy, lambda: retention.pruned_of(db, [dated]))


async def background_pass(
    bridge: Bridge, policy: RetentionPolicy, until: Callable[[], Awaitable[object]]
) -> None:
    """Retention at work until something is so."""
    keeping = keep_pruning(bridge.db, bridge.config, policy, first_pass_s=0, between_passes_s=0.01)
    async with background(keeping):
        await eventually(until)


async def test_files_of_pruned_executions_go_and_all_others_stay(bridge: Bridge) -> None:
    db = bridge.db
    old, touched, kept, foreign = [await lived(db) for _ in range(4)]
    for execution_id in (old, touched, foreign):
        await age(db, execution_id)
    await db.execute("ALTER TABLE executions DISABLE TRIGGER USER")
    await db.execute("UPDATE executions SET origin = 'OBSERVED' WHERE id = $1", foreign)
    going = await asyncio.to_thread(files_of, bridge, old)
    staying = [
        *files_of(bridge, touched, days=1),
        *files_of(bridge, kept),
        *files_of(bridge, foreign),
        *files_of(bridge, uuid.uuid4()),
    ]
    upper = bridge.config.sessions_dir / f"session_{str(old).upper()}.json"
    upper.write_text("not the name that we give")
    os.utime(upper, (0, 0))
    link = bridge.config.output_dir / f"{old}.log"
    link.unlink()
    link.symlink_to(staying[0])
    going, staying = [path for path in going if path != link], [*staying, upper, link]
    before = await retention.cutoff(db, MONTH)
    assert await remove_files(db, bridge.config, before) == PrunedFiles()
    due = {old}.__contains__
    assert await remove_files(db, bridge.config, before, dry_run=True, due=due) == PrunedFiles(2, 10)
    await prune_all(db)
    assert await remove_files(db, bridge.config, before, dry_run=True) == PrunedFiles(2, 10)
    assert all(path.exists() for path in going)
    assert await remove_files(db, bridge.config, before) == PrunedFiles(2, 10)
    assert not any(path.exists() for path in going)
    assert all(path.exists() or path.is_symlink() for path in staying)


async def test_an_imported_file_of_a_pruned_execution_brings_nothing_back(bridge: Bridge) -> None:
    execution = await bridge.run("ok")
    await age(bridge.db, execution.id)
    await prune_all(bridge.db)
    reports = (await import_session_files(bridge.db, bridge.config)).files
    assert {report.outcome for report in reports} == {ImportOutcome.UNCHANGED}
    assert [report.reason for report in reports if "otel" in report.file] == [
        "retention has deleted the bulk of its execution"
    ]
    assert await bridge.db.fetchval("SELECT count(*) FROM execution_tool_logs") == 0
    assert await retention.pruned_of(bridge.db, [execution.id])
