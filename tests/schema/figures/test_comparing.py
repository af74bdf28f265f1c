"""Two sets of attempts side by side, through GraphQL."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from store.postgres.database import Database
from tests.helpers.ended_attempts import Ended, insert_ended, new_batch, tried

Refuse = Callable[..., Awaitable[tuple[str, str]]]

COMPARE = """
fragment Side on AttemptFigures {
  attempts solved settings solveRate medianScore p95TimeMs excluded { reason executions }
}
query ($baseline: AttemptSetInput!, $candidate: AttemptSetInput!) {
  compareAttempts(baseline: $baseline, candidate: $candidate) {
    verdict sentence solveRateDifference solveRateDifferenceInterval { low high }
    scoreDifference scoreDifferenceInterval { low high } onlyInBaseline onlyInCandidate
    baseline { ...Side } candidate { ...Side }
    benchmarks {
      benchmarkId revision verdict solveRateDifference solveRateDifferenceInterval { low high }
      scoreDifference scoreDifferenceInterval { low } baseline { ...Side } candidate { ...Side }
    }
  }
}
"""


async def compared(ask: Any, baseline: Any, candidate: Any) -> Any:
    return (await ask(COMPARE, baseline=baseline, candidate=candidate))["compareAttempts"]


async def test_two_batches_are_compared_at_what_both_have(db: Database, ask: Any) -> None:
    before, after = [await new_batch(db, name) for name in ("yesterday", "today")]
    await insert_ended(
        db,
        [
            *tried(40, 100, batch_id=before),
            *tried(80, 100, batch_id=after, time_ms=500),
            *tried(3, 3, batch_id=before, benchmark_id="old"),
            *tried(3, 3, batch_id=after, revision=2, time_ms=9000),
            Ended(None, status="STOPPED", batch_id=after),
            Ended(None, status="STOPPED", batch_id=after, revision=2),
        ],
    )
    found = await compared(ask, {"batchIds": [str(before)]}, {"batchIds": [str(after)]})
    assert (found["verdict"], found["solveRateDifference"]) == ("BETTER", pytest.approx(0.4))
    assert found["sentence"].startswith(
        "today solves more than yesterday: 80 % against 40 % of 100 attempts each"
    )
    assert (found["onlyInBaseline"], found["onlyInCandidate"]) == (["old"], ["bench"])
    assert found["candidate"] == {
        "attempts": 100,
        "solved": 80,
        "settings": 1,
        "solveRate": pytest.approx(0.8),
        "medianScore": 1.0,
        "p95TimeMs": 500.0,
        "excluded": [{"reason": "STOPPED", "executions": 1}],
    }
    assert found["scoreDifferenceInterval"]["low"] > 0
    [one] = found["benchmarks"]
    assert (one["benchmarkId"], one["revision"], one["verdict"]) == ("bench", 1, "BETTER")
    assert one["candidate"] == found["candidate"]
    assert one["solveRateDifferenceInterval"] == found["solveRateDifferenceInterval"]


async def test_agents_settings_and_times_make_sets_too(db: Database, ask: Any) -> None:
    usage = {"settings_hash": "x"}
    await insert_ended(
        db,
        [
            *tried(10, 20, agent="good"),
            *tried(10, 20, agent="bad", usage=usage),
            *tried(5, 20, agent="bad", usage={"settings_hash": "y"}),
            *tried(0, 20, agent="unknown"),
        ],
    )
    good, bad = {"agents": ["good"]}, {"agents": ["bad"]}
    found = await compared(ask, good, bad)
    assert found["verdict"] == "CANNOT_TELL" and found["candidate"]["settings"] == 2
    assert found["sentence"].startswith("Cannot tell bad from good with n = 40 and 20: 37.5 % against 50 %")
    assert found["sentence"].endswith(" bad adds up 2 settings of models, which its figures mix.")
    assert found["baseline"]["medianScore"] == pytest.approx(0.5)
    alone = await compared(ask, good, {"settingsHashes": ["x"], "name": "x alone"})
    assert alone["candidate"]["settings"] == 1 and "x alone" in alone["sentence"]
    same = await compared(ask, good, {**good, "since": "2026-01-01T00:00:00Z"})
    assert same["sentence"].startswith("Cannot tell the candidate from the baseline with n = 20")
    everybody = await compared(ask, {"benchmarkIds": ["bench"]}, {"tags": ["t1"]})
    assert everybody["baseline"]["attempts"] == 60, "an agent that no file names is none"


async def test_nothing_in_common_is_told_and_not_compared(db: Database, ask: Any) -> None:
    await insert_ended(db, [*tried(1, 1, agent="a"), *tried(1, 1, agent="b", benchmark_id="other")])
    found = await compared(ask, {"agents": ["a"]}, {"agents": ["b"]})
    assert (found["verdict"], found["solveRateDifference"]) == ("CANNOT_TELL", None)
    assert (found["onlyInBaseline"], found["onlyInCandidate"]) == (["bench"], ["other"])
    assert found["benchmarks"] == [] and found["baseline"]["attempts"] == 0


async def test_a_set_that_cannot_be_is_refused_in_words(db: Database, refuse: Refuse) -> None:
    await insert_ended(db, [*tried(1, 1), Ended(None, agent="stopped", status="STOPPED")])
    good = {"agents": ["a"]}
    for bad, code, words in (
        ({}, "INVALID_ARGUMENT", "`candidate` names no attempts"),
        ({"agents": []}, "INVALID_ARGUMENT", "give batchIds, agents"),
        ({"agents": ["nobody"]}, "AGENT_NOT_FOUND", "There is no agent 'nobody'; known agents are a, "),
        ({"agents": ["a", "nobody"]}, "AGENT_NOT_FOUND", "'nobody'"),
        ({"benchmarkIds": ["bench", "nothing"]}, "BENCHMARK_NOT_FOUND", "There is no benchmark 'nothing'"),
        ({"agents": ["deterministic"]}, "NO_ATTEMPTS", "`candidate` has no attempts"),
        ({"agents": ["stopped"]}, "NO_ATTEMPTS", "counts"),
        ({"batchIds": [str(uuid.UUID(int=7))]}, "BATCH_NOT_FOUND", "There is no batch"),
        ({"batchIds": ["x"]}, "INVALID_ID", "UUIDs"),
    ):
        found = await refuse(COMPARE, baseline=good, candidate=bad)
        assert found[0] == code and words in found[1]
