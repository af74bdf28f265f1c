"""`make llm-test`: a real language model plays benchmarks on a real server. Nothing of it is scripted.

What it answers is its own and may change with a model or a machine, so only what must hold for any model is
asserted of single trials: at temperature 0 it solves 001, and with different seeds it does not always.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

import pytest

from tests.helpers.places import REPOSITORY
from tests.helpers.server import running_server
from tools.tiny_model.trials import TRIALS, WARM, Trial, end_of_trial, save_agent, start_trials

pytestmark = pytest.mark.real_model
BENCHMARKS = ("001-sol-transfer", "002-spl-transfer")


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    """The address of the model."""
    command = (sys.executable, "-m", "tools.tiny_model.endpoint", "--port=0")
    with Popen(command, cwd=REPOSITORY, stdin=DEVNULL, stdout=PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@asynccontextmanager
async def server(directory: Path, database_url: str) -> AsyncIterator[str]:
    (directory / "benchmarks").mkdir()
    for name in BENCHMARKS:
        text = (REPOSITORY / "benchmarks" / f"{name}.yml").read_text()
        (directory / "benchmarks" / f"{name}.yml").write_text(text)
    async with running_server(directory, {"DATABASE_URL": database_url}) as running:
        yield f"{running.url}/graphql"


async def trials(url: str, address: str, benchmark: str, temperature: float, repeats: int = 1) -> list[Trial]:
    await save_agent(url, address, temperature)
    _, executions = await start_trials(url, benchmark, repeats)
    return [await end_of_trial(url, execution_id) for execution_id in executions]


async def test_at_temperature_0_it_solves_a_payment(model: str, tmp_path: Path, database_url: str) -> None:
    async with server(tmp_path, database_url) as url:
        (trial,) = await trials(url, model, "001-sol-transfer", 0.0)
    assert (trial.solved, trial.score) == (True, 1.0), trial


async def test_warmer_it_solves_some_and_fails_others(model: str, tmp_path: Path, database_url: str) -> None:
    async with server(tmp_path, database_url) as url:
        found = await trials(url, model, "001-sol-transfer", WARM, TRIALS)
    assert {trial.solved for trial in found} == {True, False}, found


async def test_a_payment_in_tokens_is_evaluated(model: str, tmp_path: Path, database_url: str) -> None:
    async with server(tmp_path, database_url) as url:
        (trial,) = await trials(url, model, "002-spl-transfer", 0.0)
    assert trial.solved is not None and trial.score is not None
    assert trial.tokens.partition(" / ")[0].isdecimal()
