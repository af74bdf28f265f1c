"""Evaluations as commands against a real server; agents are modes of the fake runner, so each end is known."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import shlex
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from gql_server.cli.commands import app
from gql_server.cli.errors import CliError, ExitCode
from tests.helpers.bridge import SOL_TRANSFER, fake_command
from tests.helpers.command_line import Finished, MakeServer, Server, cli, environment, start_cli
from tests.helpers.patience import DEADLINE_S

AGENTS = "ok,benchmark-failed,exit1-no-file,exit5,hang"
Command = Callable[..., Awaitable[Finished]]


@pytest.fixture
async def server(make_server: MakeServer, tmp_path: Path) -> Server:
    """With three benchmarks, two of which have the tag `suite`."""
    directory = tmp_path / "benchmarks"
    directory.mkdir()
    text = SOL_TRANSFER.read_text(encoding="utf-8")
    for name, tag in (("b1", "suite"), ("b2", "suite"), ("b3", "other")):
        changed = text.replace("id: 001-sol-transfer", f"id: {name}").replace("tags: [", f'tags: ["{tag}", ')
        (directory / f"{name}.yml").write_text(changed, encoding="utf-8")
    return await make_server(
        REEV_GQL_BENCHMARKS_DIR=str(directory),
        REEV_GQL_AGENTS=AGENTS,
        REEV_GQL_RUNNER_COMMAND=fake_command("{agent}"),
        REEV_GQL_TERM_GRACE_S="1",
    )


@pytest.fixture
def command(server: Server, tmp_path: Path) -> Command:
    async def run(*arguments: str) -> Finished:
        return await cli(*arguments, cwd=tmp_path, REEV_GQL_URL=server.url)

    return run


def result_of(done: Finished) -> Any:
    """The last line of `--json`."""
    result = json.loads(done.out.splitlines()[-1])
    assert (result["kind"], result["exitCode"]) == ("RESULT", done.code)
    return result


async def test_targets_are_judged_and_reported(command: Command, tmp_path: Path) -> None:
    suite = ("run", "--tag", "suite", "--repeats", "2")
    reports = ("--junit", "junit.xml", "--summary", "summary.md")
    good = await command(
        *(*suite, "--agent", "ok", "--fail-under", "solve-rate=1,mean-score=100%", *reports),
        *("--batch-tag", "main", "--name", "nightly", "--note", "why", "--json"),
    )
    assert good.code == 0, good.err + good.out
    result = result_of(good)
    assert (result["name"], result["note"], result["tags"], result["size"]) == ("nightly", "why", ["main"], 4)
    assert [check["outcome"] for check in result["checks"]] == ["REACHED", "REACHED"]
    (entry,) = result["entries"]
    assert (entry["agent"], entry["figures"]["attempts"], entry["figures"]["solveRate"]) == ("ok", 4, 1.0)
    assert len(good.out.splitlines()) == 6, "what was started, an object for each end, and the result"
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("4", "0", "0")
    assert (tmp_path / "summary.md").read_text().startswith("## ✅ Reached")

    judged: list[tuple[tuple[str, ...], int, str]] = [
        # Below the target, and the reports say so.
        ((*suite, "--agent", "ok", "--agent", "benchmark-failed", "--fail-under", "solve-rate=0.5", *reports), 1,
         r"✕ benchmark-failed: solve rate 0\.000 \(0 of 4\), below 0\.5"),
        # Worse than the baseline, found by tag and by name, though of another agent: each batch has one.
        ((*suite, "--agent", "benchmark-failed", "--baseline", "tag=main", "--max-drop", "0.05"), 1,
         r"✕ benchmark-failed: solve rate -1\.000 against the baseline, a drop of 0\.05 was allowed"),
        ((*suite, "--agent", "ok", "--baseline", "name=nightly", "--max-drop", "0"), 0, "✓ ok: solve rate"),
        # What the runner or the endpoint did is no figure of the agent.
        ((*suite, "--agent", "exit1-no-file", "--fail-under", "solve-rate=0"), 3,
         r"\? exit1-no-file: too few executions count: b1 \(0 of 2\), b2 \(0 of 2\); excluded: 4 RUNNER_EXIT"),
        # Without targets all must have SUCCEEDED.
        (("run", "b1", "b2", "--agent", "exit1-no-file", "--watch"), 1, "2 do not count for the agent"),
        (("run", "--all", "--watch"), 2, "deterministic"),
        # One execution is judged and reported too, also where it is watched.
        (("run", "b1", "--agent", "ok", "--watch", "--fail-under", "solve-rate=1", "--junit", "one.xml"), 0,
         r"✓ ok: solve rate 1\.000"),
        (("run", "b1", "--agent", "benchmark-failed", "--watch", "--fail-under", "solve-rate=0"), 0,
         r"✓ benchmark-failed: solve rate 0\.000 \(0 of 1\)"),
        # A full disk: said, and the result is there.
        ((*suite, "--agent", "ok", "--junit", "/dev/full", "--summary", "again.md"), 3, "solved 4 of 4 attempts"),
    ]  # fmt: skip
    for arguments, code, words in judged:
        done = await command(*arguments)
        assert done.code == code, (arguments, done.out, done.err)
        assert re.search(words, done.out + done.err), (arguments, done.out, done.err)
    assert "/dev/full cannot be written: No space left on device" in done.err
    assert (tmp_path / "again.md").exists() and (tmp_path / "one.xml").exists()
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    failed = [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None]
    assert failed == ["b1", "b2", "target: solve-rate at least 0.5"]
    assert "## ❌ Not reached" in (tmp_path / "summary.md").read_text()


REFUSED_BY_THE_SERVER = (
    (
        ("run", "--tag", "nothing", "--agent", "ok", "--watch"),
        "matches the filter (INVALID_INPUT)",
    ),
    (("run", "b1", "b1", "--agent", "ok", "--batch-tag", "x"), "named twice"),
    (("run", "b1", "b2", "--agent", "nobody"), "AGENT_NOT_FOUND"),
)


async def test_what_cannot_work_is_refused_and_nothing_is_started(
    command: Command, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = ("run", "b1", "--agent", "ok")
    assert (
        await command("run", "--tag", "suite", "--agent", "ok", "--watch", "--batch-tag", "main")
    ).code == 0
    hanging = json.loads((await command("run", "b1", "--agent", "hang", "--name", "endless", "--json")).out)
    refused: list[tuple[tuple[str, ...], str]] = [
        (("run",), "name benchmarks, or give --tag or --all"),
        (("run", "b1", "--all"), "one of the three"),
        ((*one, "--repeats", "0"), "--repeats"),
        ((*one, "--repeats", "1000000000"), "--repeats"),
        ((*one, "--fail-under", "solve-rate=110%"), "from 0 to 1"),
        ((*one, "--max-drop", "0.1"), "--max-drop needs --baseline"),
        ((*one, "--timeout", "nan"), "--timeout is a number of seconds from 0.1 to 86400, not nan"),
        ((*one, "--timeout", "86401"), "--timeout is a number of seconds from 0.1 to 86400, not 86401"),
        ((*one, "--junit", "no/such/directory.xml"), "No such file or directory. Nothing was started"),
        ((*one, "--junit", "same", "--summary", "./same"), "two reports"),
        ((*one, "--baseline", "tag=main"), "is another suite (only in the baseline: b2)"),
        (("run", "--all", "--agent", "ok", "--baseline", "tag=main"), "is another suite (only here: b3)"),
        ((*one, "--baseline", "tag=none"), "no batch with the tag 'none' has ended"),
        ((*one, "--baseline", "yesterday"), "not a batch id"),
        ((*one, "--baseline", "0198c0de-0000-7000-8000-000000000001"), "there is no batch"),
        ((*one, "--baseline", hanging["id"]), "has not ended"),
        (
            ("run", "--tag", "suite", "--agent", "ok", "--agent", "exit5", "--baseline", "tag=main"),
            "no attempts by 'exit5', only by ok",
        ),
        (("batches", "show", "x"), "not a batch id"),
        (("batches", "stop", "x"), "not a batch id"),
        (("batches", "rerun", hanging["id"], "--only", "some"), "--only"),
        (("leaderboard", "--since", "2026-02-30"), "is no day"),
        (("leaderboard", "--by", "luck"), "--by"),
        (("compare", "nobody", "ok"), ""),
    ]  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REEV_GQL_URL", server.url)
    before = (await command("batches", "list", "--json")).out.count("\n")
    for arguments, words in refused:
        each = await asyncio.to_thread(CliRunner().invoke, app, arguments)
        code = each.exception.code if isinstance(each.exception, CliError) else each.exit_code
        assert (code, each.stdout) == (ExitCode.WRONG_USE, ""), (arguments, each)
        told = f"{each.exception} {' '.join(re.sub('[│╭╮╰╯─]', ' ', each.stderr).split())}"
        assert words in told, (arguments, told)
    for arguments, words in REFUSED_BY_THE_SERVER:
        done = await command(*arguments)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), (arguments, done)
        assert words in done.err
    assert (await command("batches", "list", "--json")).out.count("\n") == before == 2


async def interrupted(process: asyncio.subprocess.Process, *, number: signal.Signals) -> tuple[str, str]:
    process.send_signal(number)
    out, err = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    return out.decode(), err.decode()


async def running(command: Command, name: str) -> Any:
    """The batch of this name, once one of its executions has a runner."""
    found: Any = None

    async def is_running() -> bool:
        nonlocal found
        lines = (await command("batches", "list", "--text", name, "--json")).out.splitlines()
        found = json.loads(lines[0]) if lines else None
        return found is not None and found["progress"]["running"] > 0

    async with asyncio.timeout(DEADLINE_S):
        while not await is_running():
            pass
    return found


async def test_interrupted_without_a_terminal_it_goes_on_and_so_can_the_command(
    command: Command, server: Server, tmp_path: Path
) -> None:
    arguments = ("run", "b1", "--agent", "hang", "--fail-under", "solve-rate=0.5")
    for number, name in ((signal.SIGINT, "first"), (signal.SIGTERM, "second")):
        process = await start_cli(
            *(*arguments, "--name", name, "--junit", "a report.xml"),
            cwd=tmp_path,
            stderr=PIPE,
            REEV_GQL_URL=server.url,
        )
        batch = await running(command, name)
        out, err = await interrupted(process, number=number)
        assert process.returncode == 130, (out, err)
        assert f"The batch {batch['id']} goes on at the server" in err
        assert not (tmp_path / "a report.xml").exists()
        match = re.search(r"^Watch it again: reev-gql (.+)$", err, re.MULTILINE)
        assert match is not None
        again = shlex.split(match[1])
    assert again[:3] == ["batches", "show", batch["id"]] and "a report.xml" in again
    stopped, judged = await asyncio.gather(command("batches", "stop", batch["id"], "--json"), command(*again))
    assert json.loads(stopped.out).keys() == {"id", "stopped", "stopping"}
    assert judged.code == 3, judged.out
    assert "? hang: too few executions count: b1 (0 of 1); excluded: 1 STOPPED" in judged.out
    assert (tmp_path / "a report.xml").exists()


async def test_at_a_terminal_it_asks_once_whether_to_stop(server: Server, tmp_path: Path) -> None:
    for answer, words in (("y\n", "are stopped"), ("\n", "goes on at the server")):
        shown = await at_a_terminal(server, tmp_path, answer, words)
        assert shown.count("[y/N]") == 1


async def at_a_terminal(server: Server, directory: Path, answer: str, words: str) -> str:
    """What is shown of a run that is interrupted, asks, and ends once `words` were shown."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gql_server", "run", "b1", "b2", "--agent", "hang", "--watch"),
        cwd=directory,
        env=environment(REEV_GQL_URL=server.url, TERM="xterm", COLUMNS="120"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = ""

    def read() -> bool:
        nonlocal shown
        try:
            shown += os.read(ours, 65536).decode(errors="replace")
        except OSError:
            # The other end is closed.
            return False
        return True

    async def until_shown(text: str) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while text not in shown and await asyncio.to_thread(read):
                pass
        assert text in shown, shown

    try:
        await until_shown("0 solved")
        process.send_signal(signal.SIGINT)
        await until_shown("Stop 2 executions that have not ended? [y/N]")
        os.write(ours, answer.encode())
        await until_shown(words)
        assert await asyncio.wait_for(process.wait(), DEADLINE_S) == 130
    finally:
        os.close(ours)
        if process.returncode is None:
            process.kill()
    return shown


async def test_batches_are_listed_shown_repeated_and_compared(command: Command) -> None:
    suite = ("run", "--tag", "suite", "--repeats", "2", "--watch", "--json")
    good, bad = await asyncio.gather(
        command(*suite, "--agent", "ok", "--agent", "exit5", "--name", "good [bold]", "--batch-tag", "x=1"),
        command(*suite, "--agent", "benchmark-failed"),
    )
    first, second = result_of(good), result_of(bad)
    listed = await command("batches", "list", "--tag", "x=1")
    assert re.search(rf"{first['id']} +good \[bold\] +x=1 .+ 8 of 8 +4 of 4 +1\.000", listed.out)
    assert second["id"] not in listed.out
    assert "There are no such batches" in (await command("batches", "list", "--text", "nothing")).out
    shown = await command("batches", "show", first["id"])
    assert re.search(r"ok +- +4 of 4 +100 % \(\d+ to 100 %\) +1\.000", shown.out)
    assert re.search(r"exit5 .+4 RUNNER_EXIT", shown.out)

    board = await command("leaderboard", "--tag", "suite")
    assert re.search(r"ok .+4 of 4.+\n.*benchmark-failed .+0 of 4", board.out), board.out
    worst = await command("leaderboard", "--by", "solve-rate", "--ascending", "--agent", "ok", "--json")
    assert [json.loads(line)["agent"] for line in worst.out.splitlines()] == ["ok"]

    for left, right in ((first["id"], second["id"]), ("ok", "benchmark-failed")):
        compared = await command("compare", left, right)
        assert compared.code == 0, compared.err
        assert re.search(r"b1 +2 of 2 → 0 of 2 +1\.000 → ", compared.out)
    as_json = json.loads((await command("compare", "ok", "benchmark-failed", "--json")).out)
    assert as_json["sentence"] in " ".join(compared.out.split())

    again = await command("batches", "rerun", first["id"], "--only", "excluded", "--watch", "--json")
    assert again.code == 1 and result_of(again)["size"] == 4
    nothing = await command("batches", "rerun", second["id"], "--only", "excluded")
    assert nothing.code == 1 and "NOTHING_TO_RERUN" in nothing.err
