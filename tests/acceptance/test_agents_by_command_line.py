"""Agents as a user has them by the command line: added, tested, executed with, shown, removed; and bad input."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gql_server.cli.agent_commands import NOT_SETTINGS, agents_app
from gql_server.cli.agents import NEXT, change
from gql_server.documents import cli_documents
from runner_bridge.formats.agents.agent_settings import ModelSettings, api_name
from runner_bridge.outgoing import ConnectionProblemKind
from tests.acceptance.test_agent_with_model import files_with
from tests.helpers.command_line import Finished, cli
from tests.helpers.places import REPOSITORY
from tests.helpers.scripted_endpoint import API_KEY, scripted_endpoint
from tests.helpers.server import Server, running_server

USER, RECIPIENT = "USER_WALLET_PUBKEY", "RECIPIENT_WALLET_PUBKEY"
ANSWER: dict[str, Any] = {"text": "pong"}
BENCHMARKS = ("001-sol-transfer", "007-two-step-flow")


def pay(amount: int) -> dict[str, Any]:
    call = {"name": "sol_transfer", "arguments": {"from": USER, "to": RECIPIENT, "amount": amount}}
    return {"text": "I pay.", "calls": [call]}


MOVE: dict[str, Any] = {
    "calls": [
        {
            "name": "spl_transfer",
            "arguments": {
                "from_account": "USER_USDC_ATA",
                "to_account": "RECIPIENT_USDC_ATA",
                "authority": USER,
                "amount": 4_000_000,
            },
        }
    ]
}
SCRIPT = [ANSWER, pay(100_000_000), {"text": "Paid."}, pay(250_000_000), {"text": "a"}, MOVE, {"text": "b"}]


@pytest.fixture
async def server(tmp_path: Path, database_url: str) -> AsyncIterator[Server]:
    (tmp_path / "benchmarks").mkdir()
    for name in BENCHMARKS:
        source = (REPOSITORY / "benchmarks" / f"{name}.yml").read_text()
        (tmp_path / "benchmarks" / f"{name}.yml").write_text(source)
    async with running_server(tmp_path, {"DATABASE_URL": database_url}) as running:
        yield running


async def agents(server: Server, tmp_path: Path, *arguments: str, **variables: str) -> Finished:
    given = {"REEV_GQL_URL": f"{server.url}/graphql", **variables}
    return await cli("agents", *arguments, cwd=tmp_path, **given)


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
async def test_add_test_run_show_remove(server: Server, tmp_path: Path, protocol: str) -> None:
    assert "agents: only deterministic" in server.log.read_text()
    before = await agents(server, tmp_path, "list")
    assert "reference answer" in before.out and "reev-gql agents add" in before.out
    with scripted_endpoint(tmp_path, SCRIPT, protocol) as model:
        address = ("--url", model.url, "--model", "scripted", "--protocol", protocol)
        options = ("--temperature", "0", "--parameters", '{"top_p": 1}')
        added = await agents(server, tmp_path, "add", "qwen", *address, *options, REEV_GQL_AGENT_KEY=API_KEY)
        assert added.code == 0, added.err
        assert added.out.startswith(f"qwen is saved as revision 1: scripted at 127.0.0.1:{model.port}")
        tested = await agents(server, tmp_path, "test", "qwen")
        assert tested.code == 0, tested.out + tested.err
        assert re.search(r"asked http://127.*HTTP 200 after .*qwen works", tested.out, re.DOTALL)
        for benchmark in BENCHMARKS:
            run = ("run", benchmark, "--agent", "qwen", "--watch", "--url", f"{server.url}/graphql")
            done = await cli(*run, cwd=tmp_path)
            assert done.code == 0 and "score 1.0" in done.out, done.out + done.err
        assert [request["problem"] for request in model.requests] == [None] * len(SCRIPT)
        assert {request["body"]["temperature"] for request in model.requests} == {0}
    listed = await agents(server, tmp_path, "list")
    assert re.search(r"qwen +yes +1 +scripted at", listed.out)
    shown = await agents(server, tmp_path, "show", "qwen")
    assert re.search(r'parameters +\{"top_p": 1\}', shown.out) and "maxTurns" in shown.out
    answer = await server.ask("{ executions { nodes { agent agentRevision { number model } } } }")
    revision = {"agent": "qwen", "agentRevision": {"number": 1, "model": "scripted"}}
    assert answer["executions"]["nodes"] == [revision] * 2
    assert (await agents(server, tmp_path, "remove", "qwen")).code == 0
    gone = await agents(server, tmp_path, "show", "qwen")
    assert gone.code == 2 and "reev-gql agents add qwen" in gone.err
    refused = await cli(
        "run", BENCHMARKS[0], "--agent", "qwen", "--url", f"{server.url}/graphql", cwd=tmp_path
    )
    assert refused.code == 2 and "reev-gql agents add" in refused.err
    assert files_with(API_KEY, tmp_path) == []
    for said in (added, tested, listed, shown):
        assert API_KEY not in said.out + said.err


async def test_bad_input_is_said_and_nothing_is_stored(server: Server, tmp_path: Path) -> None:
    good = ("add", "x", "--url", "http://127.0.0.1:1/v1")
    wrong: list[tuple[tuple[str, ...], str]] = [
        ((*good, "--key", API_KEY), "not taken from the command line"),
        ((*good, f"--key={API_KEY}"), "not taken from the command line"),
        ((*good, f"--api-key={API_KEY}"), "not taken from the command line"),
        ((*good, "--key"), "--key-stdin"),
        ((*good, "--key-stdin"), "holds no API key"),
        ((*good, "--price-in", "abc"), "--price-in"),
        ((*good, "--parameters", "[1]"), "must be a JSON object"),
        ((*good, "--parameters", "{"), "not JSON"),
        ((*good, "--tool-set", "mine"), "MINE"),
        ((*good, "--top-p", "3"), "topP"),
        (("add", "x"), "apiUrl"),
        (("add", "x", "--url", "http://169.254.169.254/latest"), "link-local"),
        (("add", "x", "--url", "http://[64:ff9b::a9fe:a9fe]/"), "link-local"),
        (("add", "deterministic", "--url", "http://127.0.0.1:1/v1"), "no model"),
        (("add", "../x", "--url", "http://127.0.0.1:1/v1"), "not allowed"),
        (("test", "x"), "No address is stored"),
        (("remove", "x"), "Nothing is saved for 'x': `reev-gql agents list`"),
    ]
    for arguments, word in wrong:
        done = await agents(server, tmp_path, *arguments)
        assert done.code in (1, 2) and word in done.err, (arguments, done.err)
        assert API_KEY not in done.out + done.err
    listed = await agents(server, tmp_path, "list", "--json")
    assert [json.loads(line)["name"] for line in listed.out.splitlines()] == ["deterministic"]


async def test_a_failed_test_says_what_to_do(server: Server, tmp_path: Path) -> None:
    script: list[dict[str, Any]] = [{"status": 401}, {"status": 200, "body": "<html>hello</html>"}]
    with scripted_endpoint(tmp_path, script) as model:
        await agents(server, tmp_path, "add", "x", "--url", model.url, REEV_GQL_AGENT_KEY=API_KEY)
        for kind, advice in (("UNAUTHORIZED", "agents add x --key"), ("BAD_ANSWER", "/v1")):
            done = await agents(server, tmp_path, "test", "x")
            assert done.code == 1 and kind in done.out and advice in done.out, done.out


def test_every_kind_of_problem_has_advice() -> None:
    assert NEXT.keys() == {kind.value for kind in ConnectionProblemKind}


def test_every_setting_has_an_option_and_is_shown() -> None:
    """A setting that is added later fails here until the command line has it."""
    [add] = [
        each for each in agents_app.registered_commands if each.callback and each.callback.__name__ == "add"
    ]
    assert add.callback is not None
    options = set(add.callback.__annotations__) - NOT_SETTINGS - {"context", "return"}
    assert options == set(ModelSettings.model_fields)
    names = {api_name(name) for name in options}
    assert names <= set(cli_documents.AGENT_CONFIGS.split())
    default = ModelSettings().to_json() | {"parameters": "{}"}
    assert change("x", None, None, default, reset=True)["settings"].keys() == names
