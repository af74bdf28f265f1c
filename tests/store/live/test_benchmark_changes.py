"""Changes of benchmarks: logged with the write, handed on once and in order, nothing lost, nobody slowed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest

from store.benchmarks import benchmarks
from store.errors import InvalidCursor
from store.live import benchmark_changes
from store.live.benchmark_changes import BenchmarkChange, ChangeCursor
from store.live.bounded_buffer import BufferLimits
from store.live.hub import Hub
from store.postgres.database import Database
from tests.helpers.patience import DEADLINE_S, eventually
from tests.helpers.stored_rows import connections, draft, kill_backends

LISTENER = "reev-gql listener"


def told(changes: list[BenchmarkChange]) -> list[tuple[str, int, str]]:
    return [(change.benchmark_id, change.revision, change.outcome.value) for change in changes]


async def take(hub: Hub, count: int, after: ChangeCursor | None = None) -> list[BenchmarkChange]:
    found: list[BenchmarkChange] = []
    async with asyncio.timeout(DEADLINE_S), aclosing(hub.benchmarks.follow(after)) as changes:
        while len(found) < count:
            found.append(await anext(changes))
    return found


async def live_through(db: Database) -> list[tuple[str, int, str]]:
    """A year of a benchmarks directory, and what must be told of it."""
    await benchmarks.sync(db, [draft("b", path="b.yml"), draft("a", path="a.yml")])
    await benchmarks.sync(db, [draft("b", path="b.yml"), draft("a", path="a.yml")])
    await benchmarks.upsert(db, draft("a", "two"))
    await benchmarks.sync(db, [draft("a", "two", path="a.yml")])
    await benchmarks.sync(db, [draft("a", "two", path="a.yml"), draft("b", path="c.yml")])
    return [
        ("a", 1, "CREATED"),
        ("b", 1, "CREATED"),
        ("a", 2, "UPDATED"),
        ("b", 1, "ARCHIVED"),
        ("b", 1, "UPDATED"),
    ]


async def test_what_happened_is_told_in_order_and_from_every_cursor_on(db: Database, hub: Hub) -> None:
    start = hub.benchmarks.position
    expected = await live_through(db)
    seen = await take(hub, len(expected), start)
    assert told(seen) == expected
    assert [change.benchmark.prompt for change in seen if change.benchmark] == ["do it"] * 5
    assert [change.benchmark.revision for change in seen if change.benchmark] == [1, 1, 2, 1, 1]
    for position, change in enumerate(seen[:-1], start=1):
        again = await hub.benchmarks.cursor(hub.benchmarks.text(change.cursor))
        assert await take(hub, len(seen) - position, again) == seen[position:]


async def test_a_hub_that_was_not_there_pages_the_table(db: Database) -> None:
    expected = await live_through(db)
    late = await Hub.start(db)
    try:
        assert told(await take(late, len(expected), ChangeCursor(0, 0))) == expected
    finally:
        await late.close()


async def test_a_watcher_that_fell_behind_what_is_remembered_misses_nothing(
    db: Database, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub.benchmarks, "_log", replace(benchmark_changes.LOG, batch=2, page=2))
    monkeypatch.setattr(hub.benchmarks._recent, "limits", BufferLimits(items=3, bytes=10**9))
    start = hub.benchmarks.position
    async with aclosing(hub.benchmarks.follow(start)) as slow:
        await benchmarks.upsert(db, draft("a0"))
        seen = [await anext(slow)]
        for number in range(1, 12):
            await benchmarks.upsert(db, draft(f"a{number}"))
        async with asyncio.timeout(DEADLINE_S):
            while len(seen) < 12:
                seen.append(await anext(slow))
    assert [change.benchmark_id for change in seen] == [f"a{number}" for number in range(12)]
    await eventually(_true(lambda: len(hub.benchmarks._recent.items) == 3))


async def test_much_text_is_not_remembered(db: Database, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub.benchmarks._recent, "limits", BufferLimits(items=1000, bytes=1000))
    start = hub.benchmarks.position
    await benchmarks.sync(db, [draft(f"a{number}", "x" * 100 + str(number)) for number in range(5)])
    assert len(await take(hub, 5, start)) == 5
    assert len(hub.benchmarks._recent.items) == 2
    assert hub.benchmarks._floor < hub.benchmarks.position


async def test_what_is_open_for_long_keeps_nothing_back_and_is_told_when_it_is_committed(
    db: Database, hub: Hub
) -> None:
    start = hub.benchmarks.position
    async with db.transaction() as open_for_long:
        await open_for_long.execute(
            "INSERT INTO benchmark_changes (benchmark_id, revision, outcome) VALUES ('deleted', 7, 'ARCHIVED')"
        )
        await benchmarks.upsert(db, draft("quick"))
        assert told(await take(hub, 1, start)) == [("quick", 1, "CREATED")]
    first, second = await take(hub, 2, start)
    assert told([first, second]) == [("quick", 1, "CREATED"), ("deleted", 7, "ARCHIVED")]
    assert second.benchmark is None


async def test_a_write_that_fails_tells_nothing(db: Database, hub: Hub) -> None:
    await db.execute("ALTER TABLE benchmark_revisions ADD CONSTRAINT nothing_new CHECK (false) NOT VALID")
    with pytest.raises(Exception, match="nothing_new"):
        await benchmarks.upsert(db, draft("a"))
    assert await db.fetchval("SELECT count(*) FROM benchmark_changes") == 0


async def test_the_listener_may_be_killed_at_any_time(db: Database, hub: Hub) -> None:
    start = hub.benchmarks.position
    for number in range(4):
        await kill_backends(db, LISTENER)
        await benchmarks.upsert(db, draft(f"a{number}"))
        seen = await take(hub, number + 1, start)
    assert [change.benchmark_id for change in seen] == ["a0", "a1", "a2", "a3"]


async def test_watchers_cost_no_connection_and_one_read_serves_all(db: Database, hub: Hub) -> None:
    before = await connections(db)
    reads = await _counting(hub)
    async with _watchers(hub, 50) as waiting:
        await benchmarks.upsert(db, draft("a"))
        async with asyncio.timeout(DEADLINE_S):
            changes = await asyncio.gather(*waiting)
        assert {change.benchmark_id for change in changes} == {"a"}
        assert (await connections(db))[LISTENER] == before[LISTENER] == 1
    # A slow machine reads a few times more, for the poll without a notification; never once per watcher.
    assert len(reads) < len(waiting)


@asynccontextmanager
async def _watchers(hub: Hub, count: int) -> AsyncIterator[list[asyncio.Task[BenchmarkChange]]]:
    streams = [hub.benchmarks.follow() for _ in range(count)]
    waiting = [asyncio.create_task(_next(stream)) for stream in streams]
    await asyncio.sleep(0)
    try:
        yield waiting
    finally:
        for stream in streams:
            await stream.aclose()


async def _next(stream: AsyncIterator[BenchmarkChange]) -> BenchmarkChange:
    return await anext(stream)


async def _counting(hub: Hub) -> list[int]:
    """Notes every read of the feed from now on."""
    reads: list[int] = []
    read = hub.benchmarks._read

    async def counted() -> None:
        reads.append(1)
        await read()

    hub.benchmarks._read = counted  # type: ignore[method-assign]
    return reads


def _true(look: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def condition() -> bool:
        return look()

    return condition


@pytest.mark.parametrize("text", ["", "1", "1.2.3", "-1.1", "1.-1", f"{2**63}.0", "01.1", " 1.1", "a.b"])
def test_a_cursor_of_elsewhere_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        ChangeCursor.parse(text)


async def test_a_cursor_from_the_future_is_refused(hub: Hub) -> None:
    with pytest.raises(InvalidCursor, match="another database"):
        await hub.benchmarks.cursor(str(ChangeCursor(2**62, 1)))
