"""What SQL lets through is what Python lets through on a live stream; every order is what Python would sort."""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.benchmarks import benchmarks
from store.executions import listing, lookup
from store.executions.filters import ExecutionFilter, ExecutionOrder, OrderField
from store.executions.listing import ExecutionBounds
from store.executions.ordering import key_of
from store.model import BatchId, Execution, ExecutionOrigin, ExecutionStatus, FailureKind
from store.postgres.database import Database
from tests.conftest import cloned_database
from tests.helpers.stored_rows import draft

ROWS = 120
BATCH = BatchId(uuid.UUID(int=7))
NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
ANY = ExecutionFilter()
AGENTS = ["deterministic", "GLM-4.6", "naïve_%", "a\\u0000b"]

SEED = """
INSERT INTO executions (id, benchmark_id, benchmark_revision, agent, timeout_ms, event_seq, origin, status,
                        queued_at, started_at, ended_at, failure_kind, failure_message, score, execution_time_ms,
                        batch_id, scoring, assertions, usage, tags)
SELECT (lpad(to_hex(n * 7919 % 65536), 4, '0') || 'aaaa-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
       'b' || n % 5, 1, ($2::text[])[1 + n % 4], 1000, 1,
       CASE WHEN n % 4 = 0 THEN 'OBSERVED' ELSE 'REQUESTED' END::execution_origin, s.status,
       $3::timestamptz + n / 6 * interval '1 s', CASE WHEN s.status <> 'QUEUED' THEN now() END,
       CASE WHEN is_terminal(s.status) THEN now() + interval '1 h' END, f.kind, 'm' || f.kind::text,
       CASE WHEN n % 3 > 0 THEN n % 5 / 4.0 END, CASE WHEN n % 5 > 1 THEN n % 7 * 100 END,
       CASE WHEN n % 10 = 0 THEN $4::uuid END,
       CASE WHEN n % 7 > 1 THEN jsonb_build_object('score', n % 4 / 3.0::double precision) END,
       CASE WHEN n % 3 = 0 THEN '[{"outcome": "FAILED"}]'::jsonb END,
       CASE n % 5 WHEN 0 THEN NULL WHEN 1 THEN '{"settings_hash": "s1"}'
                  WHEN 2 THEN '{"output_tokens": 0, "cost": 0.0}'
            ELSE jsonb_build_object('input_tokens', n % 7 * 100, 'output_tokens', 10, 'cost', n % 3 / 2.0,
                                         'settings_hash', 's' || n % 3) END,
       CASE n % 4 WHEN 0 THEN '{}' WHEN 1 THEN '{x}' ELSE '{k=v,x}' END::text[]
FROM generate_series(0, $1 - 1) AS n
CROSS JOIN LATERAL (SELECT (enum_range(NULL::execution_status))[1 + n % 8] AS status) AS s
CROSS JOIN LATERAL (
    SELECT CASE WHEN s.status IN ('FAILED', 'TIMED_OUT', 'LOST')
                THEN (enum_range(NULL::failure_kind))[1 + n % 10] END AS kind
) AS f
"""


async def seed(db: Database) -> None:
    """Executions in every status, with and without score, time, batch and failure, six queued at each instant."""
    drafts = [
        draft(f"b{n}", path=f"b{n}.yml", tags=("all", "even" if n % 2 == 0 else "odd%"), description=text)
        for n, text in enumerate(["Send SOL", "swap 50% of it", "Nothing_", "a\\b", "deterministic"])
    ]
    await benchmarks.sync(db, drafts)
    await benchmarks.sync(db, drafts[:4])
    await db.execute("INSERT INTO batches (id, size, request) VALUES ($1, 12, '{}')", BATCH)
    await db.execute(SEED, ROWS, AGENTS, NOON, BATCH)


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
    return st.one_of(
        st.just(()), st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map(tuple)
    )


def rarely(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(st.none(), st.none(), values)


TIMES = st.integers(-2, 25).map(lambda n: NOON + dt.timedelta(seconds=n))
TEXTS = [
    "sol",
    "SEND",
    "%",
    "_",
    "\\",
    "glm",
    "NAÏVE",
    "determin",
    "b1",
    "50% OF",
    "0",
    "1eef",
    "1EEFaaaa-",
    "\x00",
    "",
]
SOME = st.builds(
    ExecutionFilter,
    benchmark_ids=some(["b0", "b1", "b4", "nope", "' OR true --"]),
    agents=some([*AGENTS, "nope", "a\x00b"]),
    statuses=some([status.value for status in ExecutionStatus]).map(
        lambda values: tuple(ExecutionStatus(value) for value in values)
    ),
    origins=some(["OBSERVED"]).map(lambda values: tuple(ExecutionOrigin(value) for value in values)),
    batch_ids=st.sampled_from([(), (), (BATCH,), (BatchId(uuid.UUID(int=8)),)]),
    failure_kinds=some([kind.value for kind in FailureKind]).map(
        lambda values: tuple(FailureKind(value) for value in values)
    ),
    tags=st.sampled_from([(), (), ("all",), ("even",), ("odd%", "all"), ("odd",), ("even", "odd%")]),
    text=rarely(st.sampled_from(TEXTS)),
    since=rarely(TIMES),
    until=rarely(TIMES),
    score_at_least=rarely(st.sampled_from([-1.0, 0.0, 0.25, 0.3, 1.0, 2.0])),
    score_at_most=rarely(st.sampled_from([-1.0, 0.0, 0.75, 0.8, 1.0])),
    solved=st.sampled_from([None, None, True, False]),
)
MORE: st.SearchStrategy[dict[str, object]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"is_attempt": st.booleans()}),
    st.fixed_dictionaries({"settings_hashes": some(["s0", "s1", "nope"])}),
    st.fixed_dictionaries({"execution_tags": st.sampled_from([("x",), ("k=v", "x"), ("k",)])}),
    st.fixed_dictionaries(
        {
            f"computed_score_at_{end}": rarely(st.sampled_from([-1.0, 0.0, 0.5, 0.75, 1.0]))
            for end in ("least", "most")
        }
    ),
    st.fixed_dictionaries(
        {f"cost_at_{end}": rarely(st.sampled_from([-1.0, 0.0, 0.5, 3.0])) for end in ("least", "most")}
    ),
    st.fixed_dictionaries(
        {f"tokens_at_{end}": rarely(st.sampled_from([-1, 0, 10, 300, 5000])) for end in ("least", "most")}
    ),
)
"""One more condition at a time: few executions fulfil many."""
FILTERS = st.builds(lambda filter, more: replace(filter, **more), SOME, MORE)
ORDERS = [ExecutionOrder(field, descending) for field in OrderField for descending in (True, False)]


def plain(found: list[Execution], order: ExecutionOrder) -> list[Execution]:
    """Sorted by Python alone: unknown values last."""

    def value(execution: Execution) -> float | None:
        match order.field:
            case OrderField.SCORE:
                return execution.score
            case OrderField.COMPUTED_SCORE:
                return execution.computed_score
            case OrderField.COST:
                return execution.cost
            case OrderField.TOKENS:
                return execution.tokens
            case _:
                return execution.execution_time_ms

    by_age = sorted(
        found, key=lambda execution: (execution.queued_at, execution.id), reverse=order.descending
    )
    if order.field is OrderField.QUEUED_AT:
        return by_age
    known = sorted(
        (one for one in by_age if value(one) is not None),
        key=lambda one: value(one) or 0.0,
        reverse=order.descending,
    )
    return [*known, *(one for one in by_age if value(one) is None)]


async def walked(
    db: Database, filter: ExecutionFilter, order: ExecutionOrder, size: int, *, backwards: bool
) -> list[Execution]:
    """All pages put together."""
    found: list[Execution] = []
    while True:
        edge = key_of(found[0 if backwards else -1], order) if found else None
        after, before = (None, edge) if backwards else (edge, None)
        page = await listing.executions(
            db,
            filter,
            ExecutionBounds(limit=size, order=order, after=after, before=before, backwards=backwards),
        )
        found = [*page.items, *found] if backwards else [*found, *page.items]
        if not (page.has_previous if backwards else page.has_next):
            return found


async def test_sql_and_python_let_the_same_executions_through(seeded: Database) -> None:
    """Hypothesis draws the filters; they are tried here, in one loop, against the list in memory."""
    drawn: list[tuple[ExecutionFilter, ExecutionOrder, bool]] = []

    @settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(FILTERS, st.sampled_from(ORDERS), st.booleans())
    def draw(filter: ExecutionFilter, order: ExecutionOrder, backwards: bool) -> None:
        drawn.append((filter, order, backwards))

    draw()
    everything = list((await listing.executions(seeded, ANY, ExecutionBounds(limit=1000))).items)
    assert len(everything) == ROWS
    sizes = []
    for filter, order, backwards in drawn:
        resolved = await lookup.resolve(seeded, filter)
        expected = plain([one for one in everything if resolved.matches(one)], order)
        assert await walked(seeded, filter, order, 50, backwards=backwards) == expected, filter
        assert await listing.count_executions(seeded, filter) == len(expected), filter
        counts = await listing.count_executions_of(seeded, listing.Parent.BATCH, [BATCH], filter)
        assert counts == {BATCH: sum(one.batch_id == BATCH for one in expected)}, filter
        sizes.append(len(expected))
    assert sum(size > 0 for size in sizes) > 20


async def test_each_text_finds_what_python_finds(seeded: Database) -> None:
    everything = list((await listing.executions(seeded, ANY, ExecutionBounds(limit=1000))).items)
    for text in TEXTS:
        filter = ExecutionFilter(text=text)
        resolved = await lookup.resolve(seeded, filter)
        found = (await listing.executions(seeded, filter, ExecutionBounds(limit=1000))).items
        assert list(found) == [one for one in everything if resolved.matches(one)], text
        assert found, text


async def test_every_order_is_walked_both_ways(seeded: Database) -> None:
    everything = list((await listing.executions(seeded, ANY, ExecutionBounds(limit=1000))).items)
    for order in ORDERS:
        for size in (7, ROWS):
            for backwards in (False, True):
                found = await walked(seeded, ANY, order, size, backwards=backwards)
                assert found == plain(everything, order), order


async def test_a_filter_with_tags_must_be_looked_up_first(seeded: Database) -> None:
    [execution] = (await listing.executions(seeded, ANY, ExecutionBounds(limit=1))).items
    with pytest.raises(ValueError, match="resolved"):
        ExecutionFilter(tags=("all",)).matches(execution)
