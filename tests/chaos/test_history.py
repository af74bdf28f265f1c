"""The history test: one minute of clients against a nemesis, and the proof that no promise was broken."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.chaos.run import run

DURATION_S = 60.0


@pytest.mark.history
@pytest.mark.timeout(420)
async def test_whatever_is_killed_every_execution_ends_once_and_everybody_sees_it(
    tmp_path: Path, database_url: str
) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"chaos seed {seed}")
    outcome = await run(database_url, tmp_path, seed=seed, duration_s=DURATION_S)
    print(outcome.summary())
    assert not outcome.violations, outcome.verdict()
