"""A signal while a batch is started or watched: nothing is left that nobody knows of."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from gql_server.cli import graphql_client
from gql_server.cli.errors import CliError, ExitCode
from gql_server.cli.evaluations import evaluation
from gql_server.cli.evaluations.evaluation import Plan
from gql_server.cli.evaluations.targets import Targets
from gql_server.documents import cli_documents
from tests.gql_server.cli.evaluations.answers import BATCH_ID, batch, unsolved

PLAN = Plan(
    url="http://127.0.0.1:1/graphql",
    targets=Targets(fail_under={"solve-rate": 0.5}),
    junit=None,
    summary=None,
    watch=True,
    as_json=False,
    given={"--fail-under": "solve-rate=0.5", "--baseline": None},
)
STARTED = {"runBenchmarks": {"__typename": "RunBenchmarksSuccess", "batch": batch(unsolved())}}


async def test_a_signal_while_the_request_is_answered_waits_for_the_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def ask(url: str, document: str, variables: Any = None) -> Any:
        assert document == cli_documents.RUN_MANY, "what comes after the answer is not asked any more"
        signal.raise_signal(signal.SIGINT)
        # The loop takes a signal up in one of its next rounds.
        for _ in range(5):
            await asyncio.sleep(0)
        return STARTED

    monkeypatch.setattr(graphql_client, "ask", ask)
    code = await evaluation.start(PLAN, {"benchmarkIds": ["b1"], "agents": ["a"]})
    assert code == ExitCode.INTERRUPTED
    out, err = capsys.readouterr()
    assert out == f"{BATCH_ID} is a batch of 1 executions\n"
    assert f"The batch {BATCH_ID} goes on at the server" in err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


async def test_a_server_that_is_lost_leaves_the_command_to_go_on_with(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def ask(_: str, document: str, __: Any = None) -> Any:
        if document == cli_documents.RUN_MANY:
            return STARTED
        raise CliError("no server answers", ExitCode.SERVER_FAILED)

    monkeypatch.setattr(graphql_client, "ask", ask)
    with pytest.raises(CliError) as lost:
        await evaluation.start(PLAN, {"benchmarkIds": ["b1"], "agents": ["a"]})
    assert lost.value.code == ExitCode.SERVER_FAILED
    words = f"reev-gql batches show {BATCH_ID} --watch --fail-under solve-rate=0.5 --server {PLAN.url}\n"
    assert words in capsys.readouterr().err
