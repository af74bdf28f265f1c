"""Workers long gone are forgotten when nothing refers to them, and only then."""

from __future__ import annotations

import pytest

from runner_bridge.worker import recovery
from runner_bridge.worker.recovery import Recovery, TakeoverPolicy
from store.postgres.database import Database
from store.workers import workers
from store.workers.workers import DELETE_AFTER_S
from tests.helpers.samples import queued
from tests.helpers.workers import claim, id_of, registered

AGE = "UPDATE workers SET left_at = clock_timestamp() - make_interval(secs => $2) WHERE id = $1"
NAMES = ("idle", "recent", "busy", "present")


async def test_only_what_left_long_ago_and_executed_nothing_is_forgotten(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = await queued(db)
    for name in NAMES:
        await registered(db, name)
    await claim(db, execution.id, "busy")
    for name, seconds in (("idle", DELETE_AFTER_S + 60), ("busy", DELETE_AFTER_S + 60), ("recent", 60)):
        await db.execute(AGE, id_of(name), seconds)
    looking = Recovery(db, TakeoverPolicy(None, 30))
    await looking.look(lambda _: None)
    assert await _known(db) == set(NAMES)
    monkeypatch.setattr(recovery, "FORGET_PAUSE_S", 0.0)
    await looking.look(lambda _: None)
    assert await _known(db) == {"recent", "busy", "present"}
    assert [worker.id for worker in await workers.present(db)] == [id_of("present")]
    await registered(db, "idle")
    assert await _known(db) == set(NAMES)


async def _known(db: Database) -> set[str]:
    found = {row["id"] for row in await db.fetch("SELECT id FROM workers")}
    return {name for name in NAMES if id_of(name) in found}
