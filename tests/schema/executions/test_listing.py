"""Lists of executions in every order, by every condition, through GraphQL; live streams hold to the same."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from schema.contract.pagination import encode_cursor
from store.executions import state_machine
from store.model import Ending, ExecutionStatus, Failure, FailureKind
from store.postgres.database import Database
from tests.helpers.samples import queued
from tests.helpers.workers import claim

PAGE = """
query (
  $first: Int, $after: String, $last: Int, $before: String, $filter: ExecutionFilter, $order: ExecutionOrder
) {
  executions(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $order) {
    totalCount
    nodes { id score computedScore executionTimeMs queuedAt }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
UPDATES = "subscription ($filter: ExecutionFilter) { executionUpdates(filter: $filter) { execution { id } } }"
FIELDS = {
    "QUEUED_AT": "queuedAt",
    "SCORE": "score",
    "COMPUTED_SCORE": "computedScore",
    "EXECUTION_TIME": "executionTimeMs",
}
ORDERS = [{"field": field, "direction": end} for field, end in itertools.product(FIELDS, ("ASC", "DESC"))]


async def some(db: Database, count: int) -> None:
    """Executions with equal, different and unknown scores and times."""
    dice = random.Random(1)
    for number in range(count):
        execution = await queued(db, f"b{number % 3}")
        if number % 4:
            await claim(db, execution.id)
            ending = Ending(
                ExecutionStatus.SUCCEEDED,
                score=dice.choice([None, 0.0, 0.5, 1.0]),
                scoring=dice.choice([None, {"score": 0.0}, {"score": 0.75}, {"score": 1.0}]),
                execution_time_ms=dice.choice([None, 0, 7, 1000]),
            )
            await state_machine.finish(db, execution.id, ending)


def ordered(nodes: list[dict[str, Any]], order: dict[str, str]) -> list[str]:
    """The same order by Python: unknown values last, whichever end comes first."""
    down = order["direction"] == "DESC"
    by_age = sorted(nodes, key=lambda node: (node["queuedAt"], node["id"]), reverse=down)
    field = FIELDS[order["field"]]
    known = [node for node in by_age if node[field] is not None]
    unknown = [node for node in by_age if node[field] is None]
    return [node["id"] for node in [*sorted(known, key=lambda node: node[field], reverse=down), *unknown]]


@pytest.mark.parametrize("order", ORDERS, ids=str)
async def test_pages_in_every_order_make_the_whole_list_both_ways(
    db: Database, ask: Any, order: dict[str, str]
) -> None:
    await some(db, 23)
    whole = (await ask(PAGE, first=200))["executions"]["nodes"]
    expected = ordered(whole, order)
    for size in (1, 5, 23):
        for forwards in (True, False):
            assert await walked(ask, order, size, forwards) == expected


async def walked(ask: Any, order: dict[str, str], size: int, forwards: bool) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        given = {"first": size, "after": cursor} if forwards else {"last": size, "before": cursor}
        page = (await ask(PAGE, order=order, **given))["executions"]
        ids = [node["id"] for node in page["nodes"]]
        found = [*found, *ids] if forwards else [*ids, *found]
        info = page["pageInfo"]
        if not info["hasNextPage" if forwards else "hasPreviousPage"]:
            return found
        cursor = info["endCursor" if forwards else "startCursor"]


async def test_new_rows_do_not_shift_a_page(db: Database, ask: Any) -> None:
    await some(db, 12)
    order = {"field": "SCORE"}
    whole = [node["id"] for node in (await ask(PAGE, first=50, order=order))["executions"]["nodes"]]
    first = (await ask(PAGE, first=5, order=order))["executions"]
    await some(db, 12)
    rest = (await ask(PAGE, first=50, order=order, after=first["pageInfo"]["endCursor"]))["executions"][
        "nodes"
    ]
    seen = [node["id"] for node in [*first["nodes"], *rest]]
    assert [known for known in seen if known in whole] == whole
    assert len(seen) == len(set(seen))


async def test_a_cursor_is_bound_to_its_order(db: Database, ask: Any, refuse: Any) -> None:
    await some(db, 6)
    cursors = [
        (await ask(PAGE, first=1, order=order))["executions"]["pageInfo"]["endCursor"] for order in ORDERS
    ]
    for mine, cursor in enumerate(cursors):
        for other, order in enumerate(ORDERS):
            for end in ("after", "before"):
                if mine == other:
                    await ask(PAGE, order=order, **{end: cursor})
                else:
                    code, _ = await refuse(PAGE, order=order, **{end: cursor})
                    assert code == "INVALID_CURSOR"


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "x", "1e400", "9" * 30, "0x1", "\x00"])
async def test_a_forged_value_in_a_cursor_is_refused(refuse: Any, value: str) -> None:
    for field in ("SCORE", "COMPUTED_SCORE", "EXECUTION_TIME"):
        forged = encode_cursor(
            f"executions by {field} DESC", value, "0", "00000000-0000-4000-8000-000000000000"
        )
        code, _ = await refuse(PAGE, order={"field": field}, after=forged)
        assert code == "INVALID_CURSOR"


async def test_every_condition(db: Database, ask: Any, refuse: Any) -> None:
    good = await queued(db, "good", agent="GLM-4.6")
    await claim(db, good.id)
    await state_machine.finish(
        db, good.id, Ending(ExecutionStatus.SUCCEEDED, score=0.75, scoring={"score": 1.0})
    )
    bad = await queued(db, "bad", agent="other")
    await claim(db, bad.id)
    failure = Failure(FailureKind.TIMEOUT, "too long")
    await state_machine.finish(db, bad.id, Ending(ExecutionStatus.TIMED_OUT, failure=failure))
    names = {str(good.id): "good", str(bad.id): "bad"}

    async def found(**filter: Any) -> set[str]:
        page = (await ask(PAGE, filter=filter))["executions"]
        assert page["totalCount"] == len(page["nodes"])
        return {names[node["id"]] for node in page["nodes"]}

    both = {"good", "bad"}
    assert await found(failureKinds=["TIMEOUT", "LOST"]) == {"bad"}
    assert await found(solved=True) == {"good"}
    assert await found(solved=False) == set()
    assert await found(scoreAtLeast=0.75) == await found(scoreAtMost=0.75) == {"good"}
    assert await found(scoreAtLeast=0.76) == await found(scoreAtMost=0.7) == set()
    assert await found(computedScoreAtLeast=1) == await found(computedScoreAtMost=1) == {"good"}
    assert await found(computedScoreAtLeast=1.01) == await found(computedScoreAtMost=0.99) == set()
    assert await found(tags=["system", "transfer"]) == both
    assert await found(tags=["system", "nope"]) == set()
    assert await found(text="glm") == await found(text="GOOD") == {"good"}
    assert await found(text="TENTH of a sol") == both
    assert await found(text=str(bad.id).upper()[:13]) == {"bad"}
    assert await found(text=str(bad.id)) == {"bad"}
    assert await found(text="%") == await found(text="\x00") == await found(text="{") == set()
    assert await found(text="") == both
    assert await found(since=bad.queued_at.isoformat()) == {"bad"}
    assert await found(until=bad.queued_at.isoformat()) == {"good"}
    assert await found(batchId="00000000-0000-4000-8000-000000000000") == set()
    assert await found(text="glm", tags=["system"], statuses=["SUCCEEDED"], scoreAtLeast=0) == {"good"}
    for wrong, code in [
        ({"batchId": "x"}, "INVALID_ID"),
        ({"since": "0001-01-01T00:00:00+09:00"}, "INVALID_TIME"),
    ]:
        assert (await refuse(PAGE, filter=wrong))[0] == code


@pytest.mark.parametrize(
    "filter",
    [
        {"tags": ["transfer"], "agents": ["glm-4.6"]},
        {"text": "GLM"},
        {"text": "second", "tags": ["transfer"]},
    ],
)
async def test_a_stream_holds_to_tags_and_text(
    db: Database, ask: Any, watch: Any, filter: dict[str, Any]
) -> None:
    await queued(db, "first")
    earlier = await queued(db, "second")
    async with watch(UPDATES, filter=filter) as items:
        await anext(items)
        await queued(db, "first")
        wanted = await queued(db, "second", agent="glm-4.6")
        async for item in items:
            seen = item["executionUpdates"]["execution"]["id"]
            if seen == str(wanted.id):
                break
            # The stream begins where the hub has read to, which may be a moment before the last commit.
            assert seen == str(earlier.id)
