"""The command line as people and scripts use it, against a real server process."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Coroutine, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

import pytest
import typer
from graphql import parse, validate
from typer.models import OptionInfo

from gql_server.cli import client_commands, contracts, graphql_client
from gql_server.cli.commands import app
from gql_server.cli.errors import CliError, ExitCode
from gql_server.cli.evaluations.tables import figures_line
from gql_server.cli.main import main
from gql_server.cli.views.live_view import event_line, final_line
from gql_server.cli.views.texts import printable
from gql_server.documents import cli_documents
from gql_server.settings.document_limits import DocumentLimits
from schema import build_schema
from schema.contract.pagination import LARGEST_PAGE
from store.benchmarks import benchmarks
from tests.helpers.command_line import MakeServer, Server, cli, environment
from tests.helpers.costs import cost_of
from tests.helpers.patience import DEADLINE_S
from tests.helpers.places import REPOSITORY
from tests.helpers.samples import draft
from tests.helpers.site import Site

# Whole processes start here, and other tests share the cores.
UNKNOWN = "00000000-0000-0000-0000-000000000000"


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_every_document_is_valid_and_allowed_by_default() -> None:
    schema = build_schema()._schema
    names = [name for name in vars(cli_documents) if name.isupper() and not name.startswith("_")]
    assert len(names) >= 7
    for name in names:
        text = getattr(cli_documents, name)
        assert validate(schema, parse(text)) == [], name
        variables = {"first": LARGEST_PAGE} if "$first" in text else {}
        assert cost_of(re.sub(r"(\$\w+: \w+)!", r"\1", text), variables) <= DocumentLimits().cost, name


def options_of(group: typer.Typer) -> Iterator[tuple[str, Any, OptionInfo]]:
    """Every option of every command: where it is, its type, and what is declared of it."""
    for command in group.registered_commands:
        assert command.callback is not None
        hints = get_type_hints(command.callback, include_extras=True)
        for name, hint in hints.items():
            kind, *declared = get_args(hint) or (hint,)
            for info in declared:
                if isinstance(info, OptionInfo):
                    yield f"{command.callback.__module__}.{command.callback.__name__} {name}", kind, info
    for part in group.registered_groups:
        assert part.typer_instance is not None
        yield from options_of(part.typer_instance)


def test_no_whole_number_goes_to_the_server_that_graphql_cannot_express() -> None:
    whole = {where: info for where, kind, info in options_of(app) if int in (kind, *get_args(kind))}
    assert len(whole) > 15
    for where, info in whole.items():
        assert info.min is not None and info.min >= -(2**31), where
        assert info.max is not None and info.max < 2**31, where


async def test_sync_reports_every_file_and_fails_when_one_fails(
    make_server: MakeServer, tmp_path: Path
) -> None:
    directory = tmp_path / "mine"
    directory.mkdir()
    text = (REPOSITORY / "benchmarks" / "001-sol-transfer.yml").read_text(encoding="utf-8")
    (directory / "good.yml").write_text(text, encoding="utf-8")
    server = await make_server(REEV_GQL_BENCHMARKS_DIR=str(directory))
    fine = await cli("sync", "--url", server.url, cwd=tmp_path)
    assert fine.code == 0, fine.err
    assert re.fullmatch(r"1 of 1 files: 1 unchanged, in .+\n", fine.out), "what is as it was is no news"

    (directory / "good.yml").write_text(text + "# changed\n", encoding="utf-8")
    for _ in range(2):
        dry = await cli("sync", "--dry-run", "--url", server.url, cwd=tmp_path)
        assert dry.code == 0, dry.err
        assert re.search(r"good\.yml +UPDATED", dry.out)
        assert "nothing was written" in dry.out
    (directory / "good.yml").write_text(text, encoding="utf-8")

    # Two facts, each with its reason.
    dynamic = text.replace("id: 001-sol-transfer", "id: dyn").replace("tags: [", 'tags: ["dynamic", ')
    (directory / "dyn.yml").write_text(
        dynamic.replace("expected_instructions:", "nothing:"), encoding="utf-8"
    )
    answerless = text.replace("id: 001-sol-transfer", "id: ask")
    (directory / "ask.yml").write_text(
        answerless.replace("expected_instructions:", "nothing:"), encoding="utf-8"
    )
    facts = await cli("sync", "--url", server.url, cwd=tmp_path)
    assert re.search(r"dyn\.yml +CREATED +dyn +no +no", facts.out)
    assert re.search(r"ask\.yml +CREATED +ask +yes +no", facts.out)
    words = " ".join(facts.out.split())
    assert "cannot run here" in words and "no reference answer" in words
    for name in ("dyn.yml", "ask.yml"):
        (directory / name).unlink()
    await cli("sync", "--url", server.url, cwd=tmp_path)

    (directory / "bad.yml").write_text("id: x\ntags: [\n", encoding="utf-8")
    bad = await cli("sync", "--url", server.url, cwd=tmp_path)
    assert bad.code == 1
    assert re.search(r"bad\.yml +FAILED .*line \d+, column \d+", bad.out)
    as_json = await cli("sync", "--json", "--url", server.url, cwd=tmp_path)
    *files, counts = lines(as_json.out)
    assert {file["file"]: file["outcome"] for file in files} == {"good.yml": "UNCHANGED", "bad.yml": "FAILED"}
    assert (counts["failed"], counts["unchanged"]) == (1, 1)


async def test_run_watches_to_the_end_and_show_and_list_know_it(server: Server, tmp_path: Path) -> None:
    done = await cli("run", "001-sol-transfer", "--watch", "--url", server.url, cwd=tmp_path)
    assert done.code == 0, done.err
    started, *events = done.out.splitlines()
    words = [re.sub(r"^\S+ +", "", line) for line in events]
    assert words[:2] == ["QUEUED", "RUNNING"]
    assert words[-2] == "SUCCEEDED"
    assert re.fullmatch(r"SUCCEEDED  solved  score 1\.0  in .+", done.out.splitlines()[-1])
    assert any("deterministic_sol_transfer" in word for word in words)

    listed = await cli("list", "--json", "--url", server.url, cwd=tmp_path)
    (execution,) = lines(listed.out)
    assert execution["id"] == started
    shown = await cli("show", execution["id"], "--url", server.url, cwd=tmp_path)
    assert shown.code == 0, shown.err
    for word in (
        execution["id"],
        "001-sol-transfer",
        "deterministic_sol_transfer",
        "PASSED",
        "computed score",
    ):
        assert word in shown.out
    table = await cli("list", cwd=tmp_path, REEV_GQL_URL=server.base)
    assert re.search(rf"{execution['id']} +001-sol-transfer +deterministic +SUCCEEDED +yes +1\.0", table.out)
    assert (
        "008-wrap-sol" in (await cli("list", "benchmarks", "--server", f"{server.base}/", cwd=tmp_path)).out
    )
    assert "deterministic" in (await cli("list", "agents", "--url", server.url, cwd=tmp_path)).out


async def test_repeats_are_watched_to_the_end_and_counted(server: Server, tmp_path: Path) -> None:
    command = ("run", "003-spl-transfer-fail", "--repeats", "3", "--url", server.url)
    done = await cli(*command, "--watch", cwd=tmp_path)
    assert done.code == 0, done.err
    started, *ends, last = done.out.splitlines()
    assert re.fullmatch(r"\S{36} is a batch of 3 executions", started)
    assert sorted(line.split("  ")[0] for line in ends) == ["trial 1", "trial 2", "trial 3"]
    assert all("SUCCEEDED  not solved: " in line for line in ends)
    rate = "0 %, the true rate is between 0 and 56 %"
    assert last == f"solved 0 of 3 attempts; {rate}; mean score 0.750"
    as_json = await cli(*command, "--watch", "--json", "--name", "again", cwd=tmp_path)
    named, *executions, result = lines(as_json.out)
    assert (named["kind"], named["id"]) == ("STARTED", result["id"])
    assert sorted(execution["trial"] for execution in executions) == [1, 2, 3]
    assert (result["kind"], result["name"], result["figures"]["attempts"]) == ("RESULT", "again", 3)


def test_what_does_not_count_is_said_beside_the_rate() -> None:
    unknown = {"solveRate": None, "solveRateInterval": None, "meanScore": None}
    entries: list[dict[str, Any]] = [{"figures": unknown}]
    batch = {"progress": {"ended": 1}, "figures": {"attempts": 0, "solved": 0}, "entries": entries}
    assert figures_line(batch) == "solved 0 of 0 attempts; 1 does not count for the agent"


def test_two_agents_together_have_no_rate() -> None:
    of_one = {"solveRate": 1.0, "solveRateInterval": {"low": 0.5, "high": 1.0}, "meanScore": 1.0}
    batch = {
        "progress": {"ended": 4},
        "figures": {"attempts": 4, "solved": 4},
        "entries": [{"figures": of_one}] * 2,
    }
    assert figures_line(batch) == "solved 4 of 4 attempts"


async def test_json_is_one_object_a_line_with_every_event_once(server: Server, tmp_path: Path) -> None:
    done = await cli(
        *("run", "003-spl-transfer-fail", "--watch", "--json", "--url", server.url), cwd=tmp_path
    )
    started, *events, result = lines(done.out)
    assert (started["kind"], started["id"]) == ("STARTED", result["id"])
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert (result["kind"], result["status"], result["score"]) == ("RESULT", "SUCCEEDED", 0.75)
    assert done.code == 0


async def test_import_reports_what_was_not_imported(make_server: MakeServer, tmp_path: Path) -> None:
    sessions = tmp_path / "archive"
    sessions.mkdir()
    sample = (REPOSITORY / "tests/data/sessions/001-sol-transfer.json").read_text()
    for number in range(12):
        name = f"sample-{number:02}"
        (sessions / f"session_{name}.json").write_text(sample.replace("001-sol-transfer-sample", name))
    server = await make_server(REEV_GQL_IMPORT_DIRS=str(sessions))
    command = ("import", "archive", "--url", server.url)
    fine = await cli(*command, cwd=tmp_path)
    assert (fine.code, fine.err) == (0, "")
    assert re.fullmatch(rf"12 files in {sessions}: 12 imported, in .+\n", fine.out)

    (sessions / "session_broken.json").write_text('{"session_id": "bro')
    bad = await cli(*command, cwd=tmp_path)
    assert bad.code == 1
    assert re.search(r"session_broken\.json +FAILED +- +not JSON", bad.out)
    assert "12 unchanged, 1 failed" in bad.out and "sample-01" not in bad.out
    *files, counts = lines((await cli(*command, "--json", cwd=tmp_path)).out)
    assert len(files) == counts["total"] == 13
    assert (counts["unchanged"], counts["failed"]) == (12, 1)

    session = await cli("show", "sample-01", "--url", server.url, cwd=tmp_path)
    assert session.code == 0 and "OBSERVED" in session.out

    refused = await cli("import", "/etc", "--url", server.url, cwd=tmp_path)
    assert refused.code == 2 and "REEV_GQL_IMPORT_DIRS" in refused.err


async def test_import_says_what_it_found_and_what_it_did_not_take(
    make_server: MakeServer, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    for name in ("logs", "store", "nothing"):
        (archive / name).mkdir(parents=True)
    log = (REPOSITORY / "tests/data/otel/v1.jsonl").read_text()
    (archive / "logs" / "otel_old-session.jsonl").write_text(log)
    (archive / "store" / "cli_sessions.json").write_text(
        json.dumps(
            {"one": {"session_id": "one", "yml_content": "tool_calls:\n"}, "two": {"session_id": "two"}}
        )
    )
    (archive / "nothing" / "notes.json").write_text("{}")
    server = await make_server(REEV_GQL_IMPORT_DIRS=str(archive))

    async def imported(name: str) -> Any:
        return await cli("import", f"archive/{name}", "--url", server.url, cwd=tmp_path)

    logs = await imported("logs")
    assert (logs.code, logs.err) == (0, "")
    assert "1 file in" in logs.out and "1 imported" in logs.out
    again = await imported("logs")
    assert again.code == 0 and "1 unchanged" in again.out
    (archive / "logs" / "otel_old-session.jsonl").write_text(log + "what is this\n")
    grown = await imported("logs")
    assert (
        grown.code == 1 and "1 added, 1 line not used" in grown.out and re.search(r"line 9:\s+not", grown.out)
    )
    assert (await imported("logs")).code == 1, "a line that cannot be used stays one"

    store = await imported("store")
    assert store.code == 1 and "1 imported, 1 failed" in store.out
    assert re.search(r"cli_sessions\.json: two +FAILED .+yml_content", store.out)

    nothing = await imported("nothing")
    assert nothing.code == 2
    assert "Nothing to import" in nothing.out and "1 other file was not looked at: notes.json" in nothing.out


@pytest.fixture
def failing_runner(tmp_path: Path) -> str:
    """A runner that says something and fails."""
    return f"{sys.executable} -c 'import sys; print(\"no luck\"); sys.exit(7)' {{path}} {{id}}"


async def test_an_execution_that_fails_fails_the_command_and_says_why(
    make_server: MakeServer, tmp_path: Path, failing_runner: str
) -> None:
    server = await make_server(REEV_GQL_RUNNER_COMMAND=failing_runner)
    done = await cli("run", "001-sol-transfer", "--watch", "--url", server.url, cwd=tmp_path)
    assert done.code == 1
    # After the line of the event, the ending: its kind and the runner's last words, as they stood.
    ending = done.out.rpartition("FAILED")[2]
    assert "RUNNER_EXIT" in ending and "no luck" in ending


async def test_stop_stops_and_a_time_limit_limits(make_server: MakeServer, tmp_path: Path) -> None:
    sleeper = f"{sys.executable} -c 'import time; time.sleep(600)' {{path}} {{id}}"
    server = await make_server(REEV_GQL_RUNNER_COMMAND=sleeper, REEV_GQL_TERM_GRACE_S="1")
    url = ("--url", server.url)
    queued = await cli("run", "001-sol-transfer", "--json", *url, cwd=tmp_path)
    (execution,) = lines(queued.out)
    stopped = await cli("stop", execution["id"], *url, cwd=tmp_path)
    assert stopped.code == 0, stopped.err
    watched = await cli("watch", execution["id"], *url, cwd=tmp_path)
    assert watched.code == 1
    assert watched.out.splitlines()[-1].startswith("STOPPED")
    again = await cli("stop", execution["id"], *url, cwd=tmp_path)
    assert again.code == 1 and "EXECUTION_ALREADY_ENDED" in again.err
    unknown = await cli("stop", "my-session", *url, cwd=tmp_path)
    assert unknown.code == 2
    assert unknown.err.strip() == "reev-gql: there is no execution my-session: `reev-gql list` lists them"

    timed = await cli("run", "001-sol-transfer", "--watch", "--timeout", "0.3", *url, cwd=tmp_path)
    assert timed.code == 1
    assert timed.out.splitlines()[-1].startswith("TIMED_OUT")


async def test_a_key_starts_an_execution_once(server: Server, tmp_path: Path) -> None:
    command = ("run", "001-sol-transfer", "--key", "k1", "--json", "--url", server.url)
    first, second = [lines((await cli(*command, cwd=tmp_path)).out)[0]["id"] for _ in range(2)]
    assert first == second


async def test_a_watcher_survives_a_restart_and_misses_nothing(
    make_server: MakeServer, tmp_path: Path
) -> None:
    """The server is replaced while an execution is watched; every event arrives once, in order."""
    authenticator = tmp_path / "authenticator"
    script = tmp_path / "runner.py"
    script.write_text(
        "import pathlib, runpy, sys, time\n"
        f"while not pathlib.Path({str(authenticator)!r}).exists(): time.sleep(0.02)\n"
        "runpy.run_module('runner_bridge.local_runner', run_name='__main__')\n",
        encoding="utf-8",
    )
    command = f"{sys.executable} {script} {{path}} --agent={{agent}} --execution-id={{id}}"
    first = await make_server(REEV_GQL_RUNNER_COMMAND=command)
    watching = asyncio.create_task(
        cli("run", "001-sol-transfer", "--watch", "--json", "--url", first.url, cwd=tmp_path)
    )
    async with asyncio.timeout(DEADLINE_S):
        while "RUNNING" not in (await cli("list", "--url", first.url, cwd=tmp_path)).out:
            pass
    assert await first.stop() == 0
    await make_server(first.port, REEV_GQL_RUNNER_COMMAND=command)
    authenticator.touch()
    done = await watching
    assert done.code == 0, done.err + done.out
    _started, *events, result = lines(done.out)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert result["score"] == 1.0


BENCHMARK = "001-sol-transfer"
RUN_REFUSALS = (
    ({"benchmarkId": "no-such-benchmark"}, "BENCHMARK_NOT_FOUND"),
    ({"benchmarkId": "../../etc/passwd"}, "INVALID_INPUT"),
    ({"benchmarkId": "-x"}, "INVALID_INPUT"),
    ({"benchmarkId": "x\0"}, "INVALID_INPUT"),
    ({"benchmarkId": "x" * 300}, "INVALID_INPUT"),
    ({"benchmarkId": BENCHMARK, "agent": "nobody"}, "AGENT_NOT_FOUND"),
    ({"benchmarkId": BENCHMARK, "agent": "--help me"}, "INVALID_INPUT"),
    ({"benchmarkId": BENCHMARK, "timeoutMs": -1}, "milliseconds"),
)


async def refused(command: Coroutine[Any, Any, int], word: str) -> None:
    with pytest.raises(CliError) as caught:
        await command
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_refusal_is_one_line_and_starts_nothing(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"{site.base}/graphql"
    await benchmarks.upsert(site.db, draft(BENCHMARK))
    for request, word in RUN_REFUSALS:
        await refused(client_commands.run(url, dict(request), watching=True, as_json=False), word)
    for execution, word in ((UNKNOWN, UNKNOWN), ("../../etc/passwd", "passwd"), ("x" * 300, "x" * 200)):
        await refused(client_commands.show(url, execution, as_json=False), word)
        await refused(client_commands.watch(url, execution, as_json=False), word)
        await refused(client_commands.stop(url, execution, as_json=False), "")
    assert capsys.readouterr().out == ""
    assert await site.executions() == 0


async def test_a_refused_command_ends_with_exit_code_2(server: Server, tmp_path: Path) -> None:
    done = await cli("run", "no-such-benchmark", "--watch", "--url", server.url, cwd=tmp_path)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "BENCHMARK_NOT_FOUND" in done.err


async def test_without_a_server_one_line_says_how_to_start_one(tmp_path: Path) -> None:
    for command in (("sync",), ("watch", UNKNOWN)):
        done = await cli(*command, "--url", "http://127.0.0.1:9/graphql", cwd=tmp_path)
        assert (done.code, done.err.count("\n")) == (3, 1)
        assert "reev-gql serve" in done.err


async def test_the_token_is_taken_from_the_environment(make_server: MakeServer, tmp_path: Path) -> None:
    token = {"REEV_GQL_TOKEN": "canary-token-0123456789"}
    server = await make_server(**token)
    without = await cli("list", "--url", server.url, cwd=tmp_path)
    assert without.code == 2 and "token" in without.err
    assert (await cli("list", "--url", server.url, cwd=tmp_path, **token)).code == 0
    done = await cli("run", "001-sol-transfer", "--watch", "--url", server.url, cwd=tmp_path, **token)
    assert done.code == 0, done.err


def test_text_of_agents_cannot_steer_the_terminal() -> None:
    hostile = "\x1b[2Jclear\nnext [bold]markup[/bold] \x07"
    assert "\x1b" not in printable(hostile) and "\n" not in printable(hostile)
    call = {"name": hostile, "status": "ERROR", "durationMs": None, "errorMessage": hostile, "ordinal": 1}
    event = {
        "at": "2026-01-01T00:00:00+00:00",
        "kind": "TOOL_CALL_ENDED",
        "status": None,
        "progress": None,
        "toolCall": call,
        "entry": None,
    }
    execution = {**NOTHING, "status": "FAILED", "failure": {"kind": "AGENT", "message": hostile}}
    for text in (event_line(event), final_line(execution)):
        assert "[bold]" in text.plain
        assert text.plain.replace("\n", "").isprintable(), "a newline cannot steer, everything else could"


NOTHING: dict[str, Any] = dict.fromkeys(
    (
        *("status", "solved", "isAttempt", "computedScore", "score", "success", "executionTimeMs"),
        *("failure", "assertions"),
    )
)
"""An execution of which nothing is known."""
PASSED, FAILED, OPEN = ({"outcome": outcome} for outcome in ("PASSED", "FAILED", "NOT_EVALUABLE"))


@pytest.mark.parametrize(
    ("execution", "line"),
    [
        (
            {"solved": True, "computedScore": 1.0, "score": 1.0, "success": True, "assertions": [PASSED]},
            "solved  score 1.0",
        ),
        (
            {
                **{"solved": False, "computedScore": 0.75, "score": 1.0, "success": True},
                "assertions": [PASSED, FAILED, OPEN],
            },
            "not solved: 1 of 2 assertions failed (the runner reported success)  score 0.75 (1.0 reported)",
        ),
        (
            {"solved": False, "computedScore": 0.4, "score": 0.4, "success": False, "assertions": [PASSED]},
            "not solved: the score is below 1  score 0.4",
        ),
        (
            {"solved": True, "computedScore": 1.0, "score": None, "success": False},
            "solved (the runner reported failure)  score 1.0",
        ),
        ({"score": 0.5, "success": True}, "score 0.5 reported"),
        (
            {"failure": {"kind": "ENDPOINT", "message": "AUTH: refused"}, "isAttempt": False},
            "ENDPOINT: AUTH: refused  (does not count for the agent)",
        ),
    ],
)
def test_the_last_line_says_solved_or_why_not(execution: dict[str, Any], line: str) -> None:
    assert final_line({**NOTHING, "status": "ENDED", **execution}).plain == f"ENDED  {line}"


def test_the_printed_contract_is_current() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gql_server", "schema", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


async def test_an_attempt_to_reconnect_that_fails_leaves_no_session_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(graphql_client, "GIVE_UP_AFTER_S", 0.0)
    monkeypatch.setattr(graphql_client, "FIRST_PAUSE_S", 0.0)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(CliError, match="no server answers"):
            # Nothing listens on port 1 of this machine.
            await anext(graphql_client.events("http://127.0.0.1:1/graphql", "x"))
        gc.collect()
    assert [str(one.message) for one in told if issubclass(one.category, ResourceWarning)] == []


def test_contracts_that_cannot_be_written_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contracts, "PRINTED_CONTRACT", tmp_path / "none" / "schema.graphql")
    monkeypatch.setattr(contracts, "_database_schema", lambda: "")
    with pytest.raises(CliError, match=r"cannot be written: .*`reev-gql schema > FILE`") as raised:
        contracts.print_or_keep(write=True, check=False)
    assert raised.value.code == ExitCode.SERVER_FAILED


@pytest.mark.parametrize("format", [(), ("--json",)])
def test_a_full_disk_for_the_output_is_said_once(tmp_path: Path, format: tuple[str, ...]) -> None:
    command = (sys.executable, "-m", "gql_server", "init", *format)
    variables = environment(REEV_GQL_BENCHMARKS_DIR=str(tmp_path / "benchmarks"))
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, env=variables, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 3
    assert done.stderr == "reev-gql: the output cannot be written: No space left on device\n"


def test_ctrl_c_while_the_commands_are_imported_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "gql_server.cli.commands", Interrupted("gql_server.cli.commands"))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
