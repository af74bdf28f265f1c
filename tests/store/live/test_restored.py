"""A backup that was restored: nothing old is told as news, and whoever saw what it does not hold begins anew."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from store.embedded import EmbeddedServer
from store.errors import InvalidCursor
from store.executions import state_machine
from store.live import log_reader, notification_listener, timelines
from store.live.events import Cursor
from store.live.hub import Hub
from store.live.timelines import Timelines
from store.model import ExecutionId
from store.postgres.database import Database
from tests.conftest import url_of
from tests.helpers.patience import DEADLINE_S, eventually
from tests.helpers.stored_rows import append, database_order, end_of_log, ending, queued, running
from tests.store.live.test_hub import live_out


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notification_listener, "RECONNECT_S", 0.02)
    monkeypatch.setattr(log_reader, "POLL_S", 0.05)


@pytest.fixture
async def other_cluster() -> AsyncIterator[str]:
    """The URL of an empty database in another cluster, which has counted few transactions yet."""
    with tempfile.TemporaryDirectory(prefix="reev-gql-") as directory:
        server = await asyncio.to_thread(EmbeddedServer, Path(directory))
        try:
            connection = await asyncpg.connect(server.url)
            await connection.execute("CREATE DATABASE restored")
            await connection.close()
            yield url_of(server.url, "restored")
        finally:
            await asyncio.to_thread(server.stop)


def copy(bin_dir: Path, source: str, target: str) -> None:
    """pg_dump of one database, pg_restore into the other."""
    dump = subprocess.run([str(bin_dir / "pg_dump"), "-Fc", source], check=True, capture_output=True)
    restore = [str(bin_dir / "pg_restore"), "--exit-on-error", "--no-owner", "-d", target]
    subprocess.run(restore, check=True, input=dump.stdout, capture_output=True)


async def seen_after(hub: Hub, cursor: Cursor, count: int) -> list[tuple[ExecutionId, int]]:
    seen: list[tuple[ExecutionId, int]] = []
    async with aclosing(hub.updates.follow(cursor)) as items:
        while len(seen) < count:
            event = (await anext(items)).event
            seen.append((event.execution_id, event.seq))
    return seen


async def test_a_backup_restored_into_another_cluster(
    db: Database, hub: Hub, bin_dir: Path, other_cluster: str
) -> None:
    # The log as it would be in a cluster that has counted far more transactions than the other one.
    await db.execute("SELECT setval('log_position', 1000000000000000)")
    for _ in range(3):
        await live_out(db, (await queued(db)).id, 5)
    unfinished = await running(db)
    in_backup = [(one, seq) for _, one, seq in await database_order(db)]
    backup = hub.updates.text(await end_of_log(db))
    middle = hub.updates.text(Cursor(*(await database_order(db))[9]))
    await asyncio.to_thread(copy, bin_dir, db.url, other_cluster)
    await append(db, unfinished, 1)
    later = hub.updates.text(await end_of_log(db))

    restored = await Database.open(other_cluster, max_size=5)
    hubs: list[Hub] = []
    try:
        async with asyncio.timeout(2 * DEADLINE_S):
            hubs += await asyncio.gather(*(Hub.start(restored) for _ in range(3)))
            timelines = await restored.fetch("SELECT id, began_after FROM log_timelines ORDER BY number")
            assert len(timelines) == 2 and timelines[1]["began_after"] > 10**15
            for one in hubs:
                await _stays_idle(one)
            new = hubs[0]
            for text, rest in ((backup, []), (middle, in_backup[10:])):
                cursor = await new.updates.cursor(text)
                told = asyncio.create_task(seen_after(new, cursor, len(rest) + 2))
                await append(restored, unfinished, 1 + len(rest))
                await append(restored, unfinished, 2 + len(rest))
                assert (await told)[: len(rest)] == rest
            # Its log has come further than what was lost, of which it knows nothing.
            assert (await end_of_log(restored)).position > Cursor.parse(later.rpartition(".")[0]).position
            for one in hubs:
                with pytest.raises(InvalidCursor, match="lost when a backup was restored: read anew"):
                    await one.updates.cursor(later)
            assert new.updates.text(new.updates.position).rpartition(".")[2] == timelines[1]["id"]
            # And the one that was copied knows nothing of the copy.
            with pytest.raises(InvalidCursor, match="another database"):
                await hub.updates.cursor(new.updates.text(new.updates.position))
    finally:
        for one in hubs:
            await one.close()
        await restored.close()


async def _stays_idle(hub: Hub) -> None:
    """It looks at the log, finds nothing, and has nothing to hand on."""
    position = hub.updates.position
    for _ in range(5):
        await hub.updates.read_passes.next.wait()
    assert (hub.updates.position, hub.updates._recent.items) == (position, [])


async def test_a_server_goes_on_when_its_database_is_replaced_by_an_older_copy(db: Database) -> None:
    """What a fail-over to a standby that lagged behind is, and a restore under a running server."""
    behind, ahead = await running(db), await running(db)
    first = await Hub.start(db)
    await first.close()
    slow_start = await end_of_log(db)
    await db.close()
    name = urlsplit(db.url).path[1:]
    await on_server(f'CREATE DATABASE "{name}_copy" TEMPLATE "{name}"')
    again = await Database.open(db.url, max_size=5)
    hub = await Hub.start(again)
    try:
        async with asyncio.timeout(2 * DEADLINE_S):
            lost = asyncio.create_task(_until_refused(hub.updates.follow(hub.updates.position)))
            lost_too = asyncio.create_task(_until_refused(hub.follow_execution(ahead)))
            for ordinal in range(1, 4):
                await append(again, ahead, ordinal)
            await eventually(lambda: _reached(hub, again))
            await on_server(
                f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false',
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity JOIN pg_database USING (datname)"
                " WHERE NOT datallowconn AND datname <> 'template0'",
                f'ALTER DATABASE "{name}" RENAME TO "{name}_old"',
                f'ALTER DATABASE "{name}_copy" RENAME TO "{name}"',
            )
            await lost
            await lost_too
            told = asyncio.create_task(seen_after(hub, slow_start, 2))
            await append(again, behind, 1)
            await state_machine.finish(again, ahead, ending())
            assert await told == [(behind, 3), (ahead, 3)]
            assert [item.event.seq async for item in hub.follow_execution(ahead)] == [1, 2, 3]
    finally:
        await hub.close()
        await again.close()
        await on_server(
            *(f'DROP DATABASE IF EXISTS "{name}_{which}" WITH (FORCE)' for which in ("old", "copy"))
        )


async def _until_refused(items: Any) -> None:
    with pytest.raises(InvalidCursor, match="read anew what you show"):
        async for _ in items:
            pass


async def _reached(hub: Hub, db: Database) -> bool:
    return hub.updates.position.position + 1 >= (await end_of_log(db)).position


async def on_server(*statements: str) -> None:
    connection = await asyncpg.connect(os.environ["REEV_GQL_TEST_SERVER"])
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_place_is_known_by_what_may_be_read_of_it(db: Database) -> None:
    """Another timeline is begun where something known differs, not where less or more is known."""
    first = await Timelines(db).current()
    place = await db.fetchval("SELECT place FROM log_timelines")
    cluster, history, database = place.split("/")
    for same in (f"-/{history}/{database}", f"-/-/{database}", place):
        await db.execute("UPDATE log_timelines SET place = $1", same)
        assert await Timelines(db).current() == first
    for number, other in enumerate(
        (f"{cluster}0/-/{database}", f"-/00000099/{database}", f"-/-/{database}0")
    ):
        await db.execute("UPDATE log_timelines SET place = $1 WHERE number = $2", other, number + 1)
        assert await Timelines(db).current() != first
        assert await db.fetchval("SELECT count(*) FROM log_timelines") == number + 2


async def test_positions_go_on_above_the_log_whatever_was_restored_of_their_counter(db: Database) -> None:
    execution_id = await running(db)
    await db.execute("SELECT setval('log_position', 1)")
    await Timelines(db).current()
    await append(db, execution_id, 1)
    assert [seq for _, _, seq in await database_order(db)] == [1, 2, 3]


async def test_what_we_may_not_read_of_a_place_is_left_out(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for refused in ("cluster", "history_of_cluster"):
        monkeypatch.setitem(timelines.SQL, refused, "SELECT pg_read_file('/dev/null/nothing')")
    assert await Timelines(db).current()
    assert (await db.fetchval("SELECT place FROM log_timelines")).startswith("-/-/")


async def test_a_counter_below_the_log_tells_of_another_cluster_where_its_name_may_not_be_read(
    db: Database,
) -> None:
    first = await Timelines(db).current()
    await db.execute("UPDATE log_timelines SET place = '-/-/' || split_part(place, '/', 3)")
    assert await Timelines(db).current() == first
    await db.execute("UPDATE log_timelines SET xid = '1000000000000'")
    assert await Timelines(db).current() != first


async def test_cursors_of_before_timelines_are_good_until_the_first_restore(db: Database, hub: Hub) -> None:
    execution_id = await running(db)
    order = await database_order(db)
    old = str(Cursor(*order[0]))
    assert await hub.updates.cursor(old) == Cursor(*order[0])
    await db.execute("UPDATE log_timelines SET place = '-/-/0.0'")
    await append(db, execution_id, 1)
    later = await Hub.start(db)
    try:
        await append(db, execution_id, 2)
        assert await seen_after(later, await later.updates.cursor(old), 3) == [
            (execution_id, n) for n in (2, 3, 4)
        ]
        with pytest.raises(InvalidCursor):
            await later.updates.cursor(str(await end_of_log(db)))
    finally:
        await later.close()
