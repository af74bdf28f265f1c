"""Pages put together are the list: forwards, backwards, filtered, with equal times, while the list grows."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import random
import uuid
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.benchmarks import benchmarks
from store.benchmarks import listing as benchmark_listing
from store.benchmarks.listing import BenchmarkBounds, BenchmarkFilter
from store.executions import latest, listing, state_machine
from store.executions.filters import ExecutionFilter
from store.executions.listing import ExecutionBounds
from store.executions.ordering import ExecutionKey
from store.model import Benchmark, Execution, ExecutionId, ExecutionOrigin, ExecutionStatus, Page
from store.postgres.database import Database
from tests.conftest import cloned_database
from tests.helpers.stored_rows import draft, queued

TEMPLATE_ROWS = 60
ANY = ExecutionFilter()


async def seed(db: Database) -> None:
    """Sixty executions in every status, of five benchmarks and three agents, six queued at each instant."""
    await benchmarks.sync(db, [draft(f"b{n}", path=f"b{n}.yml") for n in range(5)])
    await db.execute(
        """
        INSERT INTO executions (benchmark_id, benchmark_revision, agent, timeout_ms, event_seq, origin,
                                status, queued_at, started_at, ended_at, failure_kind, failure_message)
        SELECT 'b' || n % 5, 1, 'a' || n % 3, 1000, 1,
               CASE WHEN n % 4 = 0 THEN 'OBSERVED' ELSE 'REQUESTED' END::execution_origin, s.status,
               '2026-01-01Z'::timestamptz + n / 6 * interval '1 s',
               CASE WHEN s.status <> 'QUEUED' THEN now() END,
               CASE WHEN is_terminal(s.status) THEN now() + interval '1 h' END,
               CASE WHEN s.status IN ('FAILED', 'TIMED_OUT', 'LOST') THEN 'AGENT'::failure_kind END,
               CASE WHEN s.status IN ('FAILED', 'TIMED_OUT', 'LOST') THEN 'm' END
        FROM generate_series(0, $1 - 1) AS n,
             LATERAL (SELECT (enum_range(NULL::execution_status))[1 + n % 8] AS status) AS s
        """,
        TEMPLATE_ROWS,
    )


@pytest.fixture
async def full(db: Database) -> Database:
    await seed(db)
    return db


def key(execution: Execution) -> ExecutionKey:
    return execution.queued_at, execution.id


async def forwards(db: Database, filter: ExecutionFilter, size: int) -> list[Execution]:
    """All pages put together, first to last."""
    found: list[Execution] = []
    page: Page[Execution] = await listing.executions(db, filter, ExecutionBounds(limit=size))
    assert not page.has_previous
    while True:
        found += page.items
        if not page.has_next:
            return found
        assert len(page.items) == size
        page = await listing.executions(db, filter, ExecutionBounds(limit=size, after=key(found[-1])))
        assert page.has_previous and page.items


async def backwards(db: Database, filter: ExecutionFilter, size: int) -> list[Execution]:
    """All pages put together, last to first, in the list's own order."""
    found: list[Execution] = []
    page: Page[Execution] = await listing.executions(db, filter, ExecutionBounds(limit=size, backwards=True))
    assert not page.has_next
    while True:
        found = [*page.items, *found]
        if not page.has_previous:
            return found
        assert len(page.items) == size
        page = await listing.executions(
            db, filter, ExecutionBounds(limit=size, before=key(found[0]), backwards=True)
        )
        assert page.has_next and page.items


def plain(everything: list[Execution], keep: Callable[[Execution], bool]) -> list[Execution]:
    """The same list by Python alone."""
    return sorted(filter(keep, everything), key=key, reverse=True)


@pytest.mark.parametrize("size", [1, 7, 30, 60, 61])
async def test_pages_put_together_are_the_list(full: Database, size: int) -> None:
    whole = list((await listing.executions(full, ANY, ExecutionBounds(limit=100))).items)
    assert len({execution.queued_at for execution in whole}) == 10 and len(whole) == TEMPLATE_ROWS
    assert whole == plain(whole, lambda _: True)
    assert await forwards(full, ANY, size) == whole
    assert await backwards(full, ANY, size) == whole


async def test_a_stretch_between_two_keys(full: Database) -> None:
    whole = list((await listing.executions(full, ANY, ExecutionBounds(limit=100))).items)
    for backwards_ in (False, True):
        given_ = {"after": key(whole[10]), "before": key(whole[20]), "backwards": backwards_}
        page = await listing.executions(full, ANY, ExecutionBounds(limit=50, **given_))  # type: ignore[arg-type]
        assert list(page.items) == whole[11:20]
    assert (await listing.executions(full, ANY, ExecutionBounds(limit=5, after=key(whole[-1])))).items == ()


async def test_pages_are_stable_while_the_list_grows(full: Database) -> None:
    whole = list((await listing.executions(full, ANY, ExecutionBounds(limit=100))).items)
    page = await listing.executions(full, ANY, ExecutionBounds(limit=7))
    found = list(page.items)
    while page.has_next:
        await asyncio.gather(*(queued(full, "b0") for _ in range(3)))
        page = await listing.executions(full, ANY, ExecutionBounds(limit=7, after=key(found[-1])))
        found += page.items
    assert found == whole
    assert await listing.count_executions(full, ANY) > TEMPLATE_ROWS + 20


@pytest.fixture(scope="module")
def seeded_url() -> Iterator[str]:
    """One seeded database for all examples, which only read."""
    with cloned_database(os.environ["REEV_GQL_TEST_TEMPLATE"]) as url:
        yield url


@pytest.fixture
async def seeded(seeded_url: str) -> AsyncIterator[Database]:
    db = await Database.open(seeded_url)
    try:
        if not await listing.count_executions(db, ANY):
            await seed(db)
        yield db
    finally:
        await db.close()


def some(values: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=3, unique=True).map(tuple)


FILTERS = st.builds(
    ExecutionFilter,
    benchmark_ids=some(["b0", "b1", "b2", "b3", "b4", "nope", "' OR true --", "%"]),
    agents=some(["a0", "a1", "a2", "nope", "\x00", "a_"]),
    statuses=st.lists(st.sampled_from(ExecutionStatus), max_size=4, unique=True).map(tuple),
    origins=st.lists(st.sampled_from(ExecutionOrigin), max_size=2, unique=True).map(tuple),
)


async def test_every_filter_is_what_python_would_keep(seeded: Database) -> None:
    """Hypothesis draws the filters; they are tried here, in one loop, against the list in memory."""
    drawn: list[tuple[ExecutionFilter, int]] = []

    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(FILTERS, st.integers(1, 25))
    def draw(filter: ExecutionFilter, size: int) -> None:
        drawn.append((filter, size))

    draw()
    everything = list((await listing.executions(seeded, ANY, ExecutionBounds(limit=1000))).items)
    for filter, size in drawn:
        expected = plain(everything, filter.matches)
        assert await forwards(seeded, filter, size) == expected, filter
        assert await backwards(seeded, filter, size) == expected, filter
        assert await listing.count_executions(seeded, filter) == len(expected)
        ids = ["b0", "b3", "nope"]
        counts = await listing.count_executions_of(seeded, listing.Parent.BENCHMARK, ids, filter)
        assert counts == {id_: sum(found.benchmark_id == id_ for found in expected) for id_ in ids}, filter
    assert len({filter for filter, _ in drawn}) > 20


async def test_benchmarks_page_by_id_and_filter(db: Database) -> None:
    drafts = [
        draft(
            f"b-{n:02}",
            path=f"{n}.yml",
            tags=("even",) if n % 2 == 0 else ("odd", "prime%"),
            prompt=random.Random(n).choice(["Send 1 SOL", "sEnD uSdC", "50% off_", "naïve \\ {0} $1"]),
        )
        for n in range(20)
    ]
    await benchmarks.sync(db, drafts)
    await benchmarks.sync(db, drafts[:15])
    everything = list(
        (
            await benchmark_listing.page(
                db, BenchmarkFilter(include_archived=True), BenchmarkBounds(limit=100)
            )
        ).items
    )
    assert [item.id for item in everything] == [item.id for item in drafts]

    def keeps(filter: BenchmarkFilter, item: Benchmark) -> bool:
        text = f"{item.id} {item.description} {item.prompt}".lower()
        return (
            (not filter.ids or item.id in filter.ids)
            and set(filter.tags) <= set(item.tags)
            and (filter.text or "").lower() in text
            and (filter.include_archived or item.archived_at is None)
        )

    texts = [None, "send", "%", "_", "\\", "{0}", "$1", "'", "NAÏVE", "b-1", "nope"]
    for text in texts:
        for tags in ((), ("even",), ("odd", "prime%"), ("even", "odd"), ("prim%",)):
            for archived in (False, True):
                filter = BenchmarkFilter(tags=tags, text=text, include_archived=archived)
                expected = [item for item in everything if keeps(filter, item)]
                assert await _benchmarks(db, filter, False) == expected, filter
                assert await _benchmarks(db, filter, True) == expected, filter
                assert await benchmark_listing.count(db, filter) == len(expected)


async def _benchmarks(db: Database, filter: BenchmarkFilter, last_first: bool) -> list[Benchmark]:
    found: list[Benchmark] = []
    while True:
        if last_first:
            before = found[0].id if found else None
            page = await benchmark_listing.page(
                db, filter, BenchmarkBounds(limit=6, before=before, backwards=True)
            )
            found = [*page.items, *found]
            if not page.has_previous:
                return found
        else:
            after = found[-1].id if found else None
            page = await benchmark_listing.page(db, filter, BenchmarkBounds(limit=6, after=after))
            found += page.items
            if not page.has_next:
                return found


async def test_the_newest_execution_of_each_benchmark(full: Database) -> None:
    ids = [draft(f"b{n}").id for n in range(6)]
    everything = list((await listing.executions(full, ANY, ExecutionBounds(limit=100))).items)
    for agent in (None, "a1", "nope", "\x00"):
        expected: dict[str, Execution] = {}
        for item in everything:
            if agent is None or item.agent == agent:
                expected.setdefault(item.benchmark_id, item)
        assert await latest.of_benchmarks(full, ids, agent) == expected


async def test_the_living_oldest_first_and_their_counts(full: Database) -> None:
    everything = list((await listing.executions(full, ANY, ExecutionBounds(limit=100))).items)
    living = sorted((item for item in everything if not item.status.is_terminal), key=key)
    assert await state_machine.live(full) == living
    waiting = sum(item.status is ExecutionStatus.QUEUED for item in living)
    assert await state_machine.live_counts(full) == (waiting, len(living) - waiting)


async def test_many_by_id_leaves_out_who_is_not_there(full: Database) -> None:
    everything = list((await listing.executions(full, ANY, ExecutionBounds(limit=100))).items)
    nobody = ExecutionId(uuid.uuid4())
    wanted = [nobody, *(item.id for item in everything[:5])]
    assert await state_machine.get_many(full, wanted) == {item.id: item for item in everything[:5]}
    assert everything[0].queued_at.tzinfo is dt.UTC
