"""Sync makes the database hold the files, keeps a revision per changed content and writes nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from store.benchmarks import benchmarks
from store.model import Benchmark, BenchmarkId, SyncOutcome
from store.postgres.database import Database
from tests.helpers.stored_rows import draft, everything, nasty, statements_of

CREATED, UPDATED = SyncOutcome.CREATED, SyncOutcome.UPDATED
UNCHANGED, ARCHIVED = SyncOutcome.UNCHANGED, SyncOutcome.ARCHIVED

FILES = [draft("a", path="a.yml"), draft("b", path="b.yml"), draft("c", path="c.yml")]


@pytest.fixture
async def single(database_url: str) -> AsyncIterator[Database]:
    """A pool of one connection, whose statements can be watched."""
    database = await Database.open(database_url, max_size=1)
    yield database
    await database.close()


async def get(db: Database, benchmark_id: str, revision: int | None = None) -> Benchmark:
    found = await benchmarks.get(db, BenchmarkId(benchmark_id), revision)
    assert found is not None
    return found


async def test_the_four_outcomes_in_the_drafts_order_and_then_the_archived(db: Database) -> None:
    assert await benchmarks.sync(db, FILES) == [("a", CREATED), ("b", CREATED), ("c", CREATED)]
    later = [draft("d", path="d.yml"), draft("b", "two", path="b.yml"), FILES[0]]
    outcomes = await benchmarks.sync(db, later)
    assert outcomes == [("d", CREATED), ("b", UPDATED), ("a", UNCHANGED), ("c", ARCHIVED)]
    assert (await get(db, "b")).revision == 2
    assert (await get(db, "c")).archived_at is not None
    assert (await get(db, "a")).revision == 1


async def test_a_revision_stays_as_it_was_and_old_content_returns_as_a_new_one(db: Database) -> None:
    for source in ("one", "two", "one"):
        await benchmarks.upsert(db, draft("a", source, prompt=source))
    assert [(await get(db, "a", n)).prompt for n in (1, 2, 3)] == ["one", "two", "one"]
    assert (await get(db, "a")).revision == 3
    assert await benchmarks.get(db, BenchmarkId("a"), 4) is None
    assert await benchmarks.get_revisions(db, []) == {}


async def test_back_from_the_archive(db: Database) -> None:
    await benchmarks.sync(db, FILES)
    await benchmarks.sync(db, FILES[:2])
    assert await benchmarks.sync(db, FILES[:2]) == [("a", UNCHANGED), ("b", UNCHANGED)]
    assert (await benchmarks.sync(db, FILES))[2] == ("c", UPDATED)
    back = await get(db, "c")
    assert (back.revision, back.archived_at) == (1, None)
    await benchmarks.sync(db, FILES[:2])
    assert (await benchmarks.sync(db, [*FILES[:2], draft("c", "two", path="c.yml")]))[2] == ("c", UPDATED)
    assert (await get(db, "c")).revision == 2


async def test_a_file_that_could_not_be_read_archives_nothing(db: Database) -> None:
    await benchmarks.sync(db, FILES)
    outcomes = await benchmarks.sync(db, FILES[:1], keep_paths=["b.yml"])
    assert outcomes == [("a", UNCHANGED), ("c", ARCHIVED)]


async def test_what_came_over_the_api_is_never_archived(db: Database) -> None:
    created, outcome = await benchmarks.upsert(db, draft("api"))
    assert (outcome, created.source_path) == (CREATED, None)
    assert await benchmarks.sync(db, []) == []
    assert (await get(db, "api")).archived_at is None


async def test_an_upsert_archives_nothing_and_leaves_a_file_its_path(db: Database) -> None:
    await benchmarks.sync(db, FILES)
    changed, outcome = await benchmarks.upsert(db, draft("a", "two"))
    assert (outcome, changed.source_path, changed.revision) == (UPDATED, "a.yml", 2)
    assert (await get(db, "b")).archived_at is None


async def test_a_file_that_moved_is_no_new_revision(db: Database) -> None:
    await benchmarks.sync(db, FILES)
    outcomes = await benchmarks.sync(db, [draft("a", path="sub/a.yml"), *FILES[1:]])
    assert outcomes[0] == ("a", UPDATED)
    moved = await get(db, "a")
    assert (moved.revision, moved.source_path) == (1, "sub/a.yml")


async def test_a_second_sync_writes_nothing(single: Database) -> None:
    files = [*FILES, draft("odd", path="caf\udce9.yml", source="\x00\ud800", prompt="\x00", remarks=nasty())]
    await benchmarks.sync(single, files)
    before = await everything(single)
    with statements_of(single) as statements:
        outcomes = await benchmarks.sync(single, files)
    assert {outcome for _, outcome in outcomes} == {UNCHANGED}
    assert await everything(single) == before
    words = " ".join(statements).upper()
    assert "SELECT" in words
    for verb in ("INSERT", "UPDATE", "DELETE", "NOTIFY"):
        assert verb not in words


async def test_a_thousand_files_are_one_transaction_and_one_statement_per_table(single: Database) -> None:
    # The driver asks about array types once per connection.
    await benchmarks.upsert(single, draft("warm"))
    files = [draft(f"b{n:04}", path=f"b{n:04}.yml") for n in range(1000)]
    for change in (files, [draft(f"b{n:04}", "two", path=f"b{n:04}.yml") for n in range(1000)], []):
        with statements_of(single) as statements:
            await benchmarks.sync(single, change)
        words = [statement.upper() for statement in statements]
        assert sum(word.startswith("BEGIN") for word in words) == 1
        assert sum("INSERT INTO BENCHMARKS " in word for word in words) == 1
        assert sum("INSERT INTO BENCHMARK_REVISIONS " in word for word in words) == (1 if change else 0)
        assert len(words) <= 9
    assert await single.fetchval("SELECT count(*) FROM benchmark_revisions") == 2001
    assert await single.fetchval("SELECT count(*) FROM benchmarks WHERE archived_at IS NOT NULL") == 1000


async def test_one_bad_draft_undoes_its_whole_sync(db: Database) -> None:
    await benchmarks.sync(db, FILES)
    before = await everything(db)
    with pytest.raises(Exception, match="benchmark_id_is_safe"):
        await benchmarks.sync(db, [draft("z", path="z.yml"), draft("../x", path="x.yml")])
    assert await everything(db) == before


async def test_two_drafts_of_one_id_are_refused_before_anything_is_written(db: Database) -> None:
    with pytest.raises(ValueError, match="same benchmark id"):
        await benchmarks.sync(db, [draft("a", path="a.yml"), draft("a", "two", path="a2.yml")])
    assert await db.fetchval("SELECT count(*) FROM benchmarks") == 0


async def test_eight_who_bring_the_same_definition_make_one_revision(db: Database) -> None:
    for source, first in (("one", CREATED), ("two", UPDATED)):
        answers = await asyncio.gather(*(benchmarks.upsert(db, draft("a", source)) for _ in range(8)))
        assert sorted(outcome for _, outcome in answers) == sorted([first, *[UNCHANGED] * 7])
        assert len({benchmark.revision for benchmark, _ in answers}) == 1
    assert await db.fetchval("SELECT count(*) FROM benchmark_revisions") == 2


async def test_syncs_at_once_leave_one_of_their_results(db: Database) -> None:
    """Writers take turns: whatever the order, each sync saw what the one before it left."""
    await asyncio.gather(*(benchmarks.sync(db, FILES[n % 3 :]) for n in range(12)))
    archived = await db.fetch("SELECT id FROM benchmarks WHERE archived_at IS NOT NULL ORDER BY id")
    assert [row["id"] for row in archived] in ([], ["a"], ["a", "b"])
    assert await db.fetchval("SELECT max(revision) FROM benchmark_revisions") == 1


async def test_ids_that_postgresql_cannot_hold_are_simply_not_there(db: Database) -> None:
    assert await benchmarks.get_many(db, [BenchmarkId("\x00"), BenchmarkId("\ud800")]) == {}
