"""What PostgreSQL sums up over benchmarks gives the figures that the benchmarks themselves give."""

from __future__ import annotations

import random
from typing import Any

import pytest

from store.figures.attempts import AttemptFigures
from store.figures.reading import AgentSums, AttemptFilter, sums
from store.figures.totals import totals
from store.model import BatchId
from store.postgres.database import Database
from tests.helpers.ended_attempts import Ended, insert_ended, new_batch

KINDS = ("input", "output", "cached", "reasoning")


def figures_of(figures: AttemptFigures) -> dict[str, Any]:
    return {
        "attempts": figures.attempts,
        "solved": figures.solved,
        "solve_rate": figures.solve_rate,
        "solve_rate_interval": figures.solve_rate_interval,
        "mean_score": figures.mean_score,
        "mean_score_interval": figures.mean_score_interval,
        "mean_time_ms": figures.mean_time_ms,
        "cost": figures.cost,
        "cost_per_attempt": figures.cost_per_attempt,
        "cost_per_solved": figures.cost_per_solved,
        **{kind: figures.tokens(kind) for kind in KINDS},
    }


async def test_totals_are_the_figures_of_all_benchmarks(db: Database) -> None:
    chance = random.Random(15)
    batch_id = BatchId(await new_batch(db))
    usage = {"input_tokens": 100, "output_tokens": 7, "cost": 0.25, "settings_hash": "abc", "model": "m"}
    await insert_ended(
        db,
        [
            Ended(
                chance.choice((None, 0.0, 0.25, 0.7, 1.0, 1.0)),
                agent=chance.choice(("a", "b", "rare" if n % 40 == 0 else "a", "unknown")),
                benchmark_id=f"bench-{chance.randrange(9)}",
                revision=chance.choice((1, 1, 2)),
                time_ms=chance.choice((None, 10, 2_000)),
                usage=chance.choice((None, usage)),
                batch_id=batch_id if n % 3 == 0 else None,
            )
            for n in range(300)
        ]
        + [Ended(None, agent="stopped", status="STOPPED"), Ended(0.3, agent="once", time_ms=None)],
    )
    for filter in (
        AttemptFilter(),
        AttemptFilter(agents=("unknown", "a")),
        AttemptFilter(benchmark_ids=("bench-1", "bench-2")),
        AttemptFilter(batch_ids=(batch_id,)),
        AttemptFilter(benchmark_ids=()),
    ):
        lines = await totals(db, filter)
        expected: dict[tuple[str, str | None], list[AgentSums]] = {}
        for each in await sums(db, filter):
            if each.agent != "unknown" or filter.agents is not None:
                expected.setdefault((each.agent, each.settings_hash), []).append(each)
        assert [(line.agent, line.settings_hash) for line in lines] == sorted(
            expected, key=lambda key: (key[0], key[1] is None, key[1] or "")
        )
        for line in lines:
            parts = expected[line.agent, line.settings_hash]
            told = figures_of(AttemptFigures([each.sums for each in parts]))
            found = figures_of(line.figures)
            assert found == {name: pytest.approx(value) for name, value in told.items()}, (filter, line.agent)
            with pytest.raises(NotImplementedError):
                line.figures.pass_at(1)
