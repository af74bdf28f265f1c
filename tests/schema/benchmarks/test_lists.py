"""Lists of benchmarks: found by what their cells say, counted, and with the figures of their page."""

from __future__ import annotations

from typing import Any

from store.benchmarks import benchmarks
from store.postgres.database import Database
from tests.helpers.ended_attempts import Ended, insert_ended, tried
from tests.helpers.stored_rows import draft, queued

LIST = """
query ($filter: BenchmarkFilter, $first: Int, $after: String, $last: Int, $before: String) {
  benchmarks(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    totalCount offset nodes { id }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


async def found(ask: Any, **filter: object) -> list[str]:
    page = (await ask(LIST, filter=filter))["benchmarks"]
    assert page["totalCount"] == len(page["nodes"])
    return [node["id"] for node in page["nodes"]]


async def test_benchmarks_are_found_by_what_their_cells_say(db: Database, ask: Any) -> None:
    await insert_ended(
        db,
        [
            *tried(2, 2, benchmark_id="all-solved"),
            *tried(1, 2, benchmark_id="half-solved"),
            # What an older revision or an agent without a name did is not what a cell says.
            *tried(0, 1, benchmark_id="mended"),
            *tried(1, 1, benchmark_id="mended", revision=2),
            *tried(0, 1, benchmark_id="nobody", agent="unknown"),
            Ended(None, status="LOST", failure="LOST", benchmark_id="lost", agent="b"),
            *tried(0, 1, benchmark_id="both"),
            *tried(1, 1, benchmark_id="both", agent="b"),
        ],
    )
    await benchmarks.upsert(db, draft("untried"))
    await queued(db, "waiting", agent="a")
    for filter, expected in (
        ({"everyAttemptSolved": True}, ["all-solved", "both", "mended"]),
        ({"everyAttemptSolved": False}, ["both", "half-solved"]),
        ({"everyAttemptSolved": True, "agents": ["a"]}, ["all-solved", "mended"]),
        ({"newestStatuses": ["QUEUED", "LOST"]}, ["lost", "waiting"]),
        ({"newestStatuses": ["LOST"], "agents": ["a"]}, []),
        # `deterministic` is configured and `b` executed something: they are columns too.
        ({"untested": True, "agents": ["a"]}, ["lost", "nobody", "untried"]),
        (
            {"untested": True, "agents": ["a"], "newestStatuses": ["QUEUED"]},
            ["lost", "nobody", "untried", "waiting"],
        ),
        ({"untested": True, "agents": ["b"], "everyAttemptSolved": False}, []),
    ):
        assert await found(ask, **filter) == expected, filter
    every = await found(ask)
    assert await found(ask, untested=True) == every, "no benchmark was executed by every agent"


async def test_a_page_says_where_it_is_in_the_list_and_what_attempts_say_there(
    db: Database, ask: Any
) -> None:
    ids = [f"bench-{n}" for n in range(5)]
    await insert_ended(db, [attempt for id_ in ids for attempt in tried(1, 2, benchmark_id=id_)])
    await insert_ended(db, tried(1, 1, benchmark_id="bench-2", agent="unknown"))

    async def at(**window: object) -> tuple[int, list[str]]:
        page = (await ask(LIST, **window))["benchmarks"]
        assert page["totalCount"] == 5
        return page["offset"], [node["id"] for node in page["nodes"]]

    first = (await ask(LIST, first=2))["benchmarks"]
    after = first["pageInfo"]["endCursor"]
    assert await at(first=2) == (0, ids[:2])
    assert await at(first=2, after=after) == (2, ids[2:4])
    assert await at(last=2) == (3, ids[3:])
    assert await at(last=2, before=after) == (0, ids[:1])
    last = (await ask(LIST, last=1))["benchmarks"]["pageInfo"]["endCursor"]
    assert await at(first=2, after=last) == (5, []), "all of them precede an empty page behind the end"
    figures = (
        await ask(
            """query ($after: String) { benchmarks(first: 2, after: $after) {
                 figures { agent settingsHash benchmarkId revision figures { attempts solved meanScore } } } }""",
            after=after,
        )
    )["benchmarks"]["figures"]
    said = {"attempts": 2, "solved": 1, "meanScore": 0.5}
    assert figures == [
        {"agent": "a", "settingsHash": None, "benchmarkId": id_, "revision": 1, "figures": said}
        for id_ in ids[2:4]
    ]


async def test_tags_are_told_with_how_many_there_are(db: Database, ask: Any, refuse: Any) -> None:
    await benchmarks.sync(
        db, [draft("x", path="x.yml", tags=["common", "rare"]), draft("y", path="y.yml", tags=["common"])]
    )
    await benchmarks.sync(db, [draft("z", path="z.yml", tags=["archived"])])
    await benchmarks.sync(
        db, [draft("x", path="x.yml", tags=["common", "rare"]), draft("y", path="y.yml", tags=["common"])]
    )
    answer = await ask("{ benchmarkTags(first: 1) { totalCount nodes { name benchmarks } } }")
    assert answer["benchmarkTags"] == {"totalCount": 2, "nodes": [{"name": "common", "benchmarks": 2}]}
    code, _ = await refuse("{ benchmarkTags(first: 201) { totalCount } }")
    assert code == "PAGE_SIZE"
