"""The leaderboard through GraphQL: who has a line, what it says, and in which order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from store.agents import configurations
from store.agents.configurations import AgentConfigValues
from store.executions import state_machine
from store.executions.state_machine import ProcessIdentity
from store.model import ExecutionId
from store.postgres.database import Database
from tests.helpers.ended_attempts import NOON, Ended, insert_ended, new_batch, tried
from tests.helpers.stored_rows import ending, running

Refuse = Callable[..., Awaitable[tuple[str, str]]]

FIGURES = """
fragment Figures on AttemptFigures {
  attempts solved settings excluded { reason executions } solveRate solveRateInterval { low high }
  meanScore meanScoreInterval { low high } medianScore minScore maxScore distribution passAt(k: 2) passAll(k: 2)
  inputTokens outputTokens cachedTokens reasoningTokens cost costPerAttempt costPerSolved
  meanTimeMs p50TimeMs p95TimeMs
}
"""
LEADERBOARD = (
    FIGURES
    + """
query ($filter: LeaderboardFilter, $order: LeaderboardOrder, $first: Int = 100) {
  leaderboard(filter: $filter, orderBy: $order, first: $first) {
    totalCount benchmarks
    entries {
      agent settingsHash settingsSummary model benchmarks benchmarkRevisions isPartial figures { ...Figures }
      byBenchmark { benchmarkId revision benchmark { id } figures { ...Figures } }
    }
  }
}
"""
)
NAMES = """query ($filter: LeaderboardFilter, $order: LeaderboardOrder) {
  leaderboard(filter: $filter, orderBy: $order) { entries { agent figures { attempts } } }
}"""


async def names(ask: Any, filter: Any = None, order: Any = None) -> list[str]:
    board = (await ask(NAMES, filter=filter, order=order))["leaderboard"]
    return [entry["agent"] for entry in board["entries"]]


async def test_an_entry_has_every_figure(db: Database, ask: Any) -> None:
    usage = {"input_tokens": 100, "output_tokens": 10, "cost": 0.5, "settings_hash": "abc", "model": "m"}
    await insert_ended(
        db,
        [
            Ended(1.0, time_ms=100, usage=usage),
            Ended(0.5, time_ms=200, usage=usage),
            Ended(0.0, time_ms=300, usage=usage),
            Ended(1.0, benchmark_id="other", time_ms=1000, usage=usage),
            Ended(None, status="FAILED", failure="ENDPOINT", usage=usage),
            Ended(None, status="STOPPED", usage=usage),
            Ended(None, status="STOPPED", usage=usage),
        ],
    )
    board = (await ask(LEADERBOARD))["leaderboard"]
    assert (board["totalCount"], board["benchmarks"]) == (1, 2)
    [entry] = board["entries"]
    told = {name: entry[name] for name in ("agent", "settingsHash", "settingsSummary", "model", "benchmarks")}
    assert told == {
        "agent": "a",
        "settingsHash": "abc",
        "settingsSummary": None,
        "model": "m",
        "benchmarks": 2,
    }
    assert (entry["isPartial"], entry["benchmarkRevisions"]) == (False, 2)
    figures = entry["figures"]
    assert figures == {
        "attempts": 4,
        "solved": 2,
        "settings": 1,
        "excluded": [{"reason": "STOPPED", "executions": 2}, {"reason": "ENDPOINT", "executions": 1}],
        "solveRate": pytest.approx((1 / 3 + 1) / 2),
        "solveRateInterval": figures["solveRateInterval"],
        "meanScore": pytest.approx((0.5 + 1) / 2),
        "meanScoreInterval": None,
        "medianScore": pytest.approx(0.75),
        "minScore": 0.0,
        "maxScore": 1.0,
        "distribution": [1, 0, 0, 0, 0, 1, 0, 0, 0, 2],
        "passAt": None,
        "passAll": None,
        "inputTokens": 400.0,
        "outputTokens": 40.0,
        "cachedTokens": None,
        "reasoningTokens": None,
        "cost": pytest.approx(2.0),
        "costPerAttempt": pytest.approx(0.5),
        "costPerSolved": pytest.approx(1.0),
        "meanTimeMs": pytest.approx((200 + 1000) / 2),
        "p50TimeMs": pytest.approx(200, rel=0.02),
        "p95TimeMs": pytest.approx(1000, rel=0.02),
    }
    first, second = entry["byBenchmark"]
    assert (first["benchmarkId"], first["revision"], first["benchmark"]) == ("bench", 1, {"id": "bench"})
    assert (first["figures"]["attempts"], second["figures"]["attempts"]) == (3, 1)
    assert first["figures"]["passAt"] == pytest.approx(2 / 3) and first["figures"]["passAll"] == 0
    assert first["figures"]["medianScore"] == pytest.approx(0.5)
    assert second["figures"]["excluded"] == []


OVER_TIME = """query ($bucket: PerformanceBucketSize!, $last: Int!) {
  leaderboard(orderBy: { field: AGENT, direction: ASC }) { entries {
    settingsHash
    overTime(bucket: $bucket, last: $last) {
      start figures { attempts solveRate medianScore excluded { reason executions } }
    }
  } }
}"""


async def test_figures_over_time_are_those_of_one_settings_and_one_period(
    db: Database, ask: Any, refuse: Refuse
) -> None:
    def of(settings_hash: str, **more: Any) -> dict[str, Any]:
        return {"usage": {"settings_hash": settings_hash}, **more}

    await insert_ended(
        db,
        [
            *tried(1, 2, **of("x", at=NOON)),
            *tried(1, 1, **of("x", at=NOON - dt.timedelta(days=30))),
            *tried(0, 3, **of("y", at=NOON)),
            Ended(None, status="STOPPED", **of("y", at=NOON)),
        ],
    )
    board = (await ask(OVER_TIME, bucket="DAY", last=5))["leaderboard"]
    x, y = (entry["overTime"] for entry in board["entries"])
    assert [period["start"] for period in x] == ["2026-02-02", "2026-03-04"]
    assert [period["figures"]["attempts"] for period in x] == [1, 2]
    assert x[1]["figures"]["solveRate"] == 0.5 and x[0]["figures"]["medianScore"] == 1.0
    assert [period["figures"]["excluded"] for period in y] == [[{"reason": "STOPPED", "executions": 1}]]
    board = (await ask(OVER_TIME, bucket="MONTH", last=1))["leaderboard"]
    assert [len(entry["overTime"]) for entry in board["entries"]] == [1, 1]
    code, message = await refuse(OVER_TIME, bucket="DAY", last=0)
    assert code == "PAGE_SIZE" and "1 to 120" in message


async def test_two_models_under_one_name_share_no_number(db: Database, ask: Any) -> None:
    for model, solved in (("small", 1), ("large", 3)):
        await configurations.save(
            db,
            "x",
            lambda _, model=model: AgentConfigValues("http://127.0.0.1/v1", model, {}, None),  # type: ignore[misc]
        )
        config = await configurations.get(db, "x")
        assert config is not None
        for at in range(4):
            execution_id: ExecutionId = await running(db, agent="x")
            await state_machine.record_process(
                db, execution_id, ProcessIdentity(1, 1.0), agent_revision=config.revision.number
            )
            score = float(at < solved)
            await state_machine.finish(db, execution_id, ending(score=score, scoring={"score": score}))
    board = (await ask(LEADERBOARD))["leaderboard"]
    told = [(entry["agent"], entry["model"], entry["figures"]["solved"]) for entry in board["entries"]]
    assert told == [("x", "large", 3), ("x", "small", 1)]
    hashes = {entry["settingsHash"] for entry in board["entries"]}
    assert len(hashes) == 2 and None not in hashes
    [summary, _] = [entry["settingsSummary"] for entry in board["entries"]]
    assert summary.startswith("large at 127.0.0.1")
    executions = "{ executions { nodes { settingsHash } } }"
    assert {node["settingsHash"] for node in (await ask(executions))["executions"]["nodes"]} == hashes
    summed = (await ask("{ agentPerformance { agent attempts settings } }"))["agentPerformance"]
    assert summed == [{"agent": "x", "attempts": 8, "settings": 2}]
    one = await ask(LEADERBOARD, filter={"settingsHashes": [board["entries"][1]["settingsHash"]]})
    assert [entry["model"] for entry in one["leaderboard"]["entries"]] == ["small"]


async def test_filters_choose_attempts(db: Database, ask: Any) -> None:
    batch = await new_batch(db)
    day = dt.timedelta(days=1)
    await insert_ended(
        db,
        [
            *tried(1, 1, agent="early", at=NOON - 40 * day),
            *tried(1, 2, agent="late", benchmark_id="other"),
            *tried(1, 3, agent="batched", batch_id=batch, at=NOON - day),
            *tried(1, 1, agent="unknown"),
        ],
    )
    assert await names(ask) == ["early", "late", "batched"]
    assert await names(ask, {"agents": ["late", "unknown"]}) == ["unknown", "late"]
    assert await names(ask, {"benchmarkIds": ["other"]}) == ["late"]
    assert await names(ask, {"tags": ["nope"]}) == []
    assert await names(ask, {"tags": ["t1"], "benchmarkIds": ["other"]}) == ["late"]
    assert await names(ask, {"batchId": str(batch)}) == ["batched"]
    assert await names(ask, {"since": "2026-03-03T23:00:00Z"}) == ["late", "batched"]
    assert await names(ask, {"since": "2026-01-02T00:00:00Z", "until": "2026-03-03T00:00:00Z"}) == [
        "early",
        "batched",
    ]
    entries = "query ($id: ID!) { batch(id: $id) { entries { agent isPartial figures { attempts } } } }"
    assert (await ask(entries, id=str(batch)))["batch"]["entries"] == [
        {"agent": "batched", "isPartial": False, "figures": {"attempts": 3}}
    ]


async def test_who_ran_fewer_benchmarks_is_marked(db: Database, ask: Any) -> None:
    rows = [*tried(1, 1, agent="whole"), *tried(1, 1, agent="whole", benchmark_id="other")]
    await insert_ended(db, [*rows, *tried(1, 1, agent="part", revision=2), *tried(0, 1, agent="part")])
    board = (await ask(LEADERBOARD))["leaderboard"]
    marks = {
        entry["agent"]: (entry["isPartial"], entry["benchmarks"], entry["benchmarkRevisions"])
        for entry in board["entries"]
    }
    assert marks == {"whole": (False, 2, 2), "part": (True, 1, 2)} and board["benchmarks"] == 2


async def test_every_order_puts_unknown_last(db: Database, ask: Any) -> None:
    usage = {"input_tokens": 5, "output_tokens": 6, "cost": 1.0}
    await insert_ended(
        db,
        [
            *tried(2, 2, agent="good", usage=usage, time_ms=10),
            *tried(1, 3, agent="bad", usage={**usage, "cost": 9.0, "output_tokens": 60}, time_ms=5000),
            Ended(None, agent="nothing", status="STOPPED"),
        ],
    )
    fields = (await ask('{ __type(name: "LeaderboardField") { enumValues { name } } }'))["__type"][
        "enumValues"
    ]
    for field in (value["name"] for value in fields):
        for direction in ("ASC", "DESC"):
            order = {"field": field, "direction": direction}
            found = await names(ask, order=order)
            if field == "AGENT":
                assert found == sorted(found, reverse=direction == "DESC")
            elif field not in ("ATTEMPTS", "SOLVED", "BENCHMARKS"):
                assert found[-1] == "nothing", order
    assert await names(ask, order={"field": "COST_PER_ATTEMPT"}) == ["bad", "good", "nothing"]
    assert await names(ask, order={"field": "P95_TIME", "direction": "ASC"}) == ["good", "bad", "nothing"]


async def test_bad_input_is_refused_in_words(refuse: Refuse, db: Database) -> None:
    for filter, code in (
        ({"batchId": "nonsense"}, "INVALID_ID"),
        ({"batchId": "00000000-0000-0000-0000-000000000000"}, "BATCH_NOT_FOUND"),
        ({"benchmarkIds": ["../.."]}, "INVALID_ID"),
        ({"since": "0001-01-01T00:00:00+14:00"}, "INVALID_TIME"),
    ):
        assert (await refuse(LEADERBOARD, filter=filter))[0] == code
    for first in (0, -1, 201):
        assert (await refuse(LEADERBOARD, first=first))[0] == "PAGE_SIZE"
    await insert_ended(db, [Ended()])
    for k in (0, 101):
        document = f"{{ leaderboard {{ entries {{ figures {{ passAt(k: {k}) }} }} }} }}"
        assert (await refuse(document))[0] == "INVALID_ARGUMENT"
