"""Every command in terminals that lack letters, colours or columns, and into pipes that nobody reads."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from gql_server.cli.commands import app
from tests.helpers import prepared
from tests.helpers.command_line import Server, environment
from tests.helpers.terminals import SCRIPT, Terminal

ASCII = {"PYTHONIOENCODING": "ascii", "NO_COLOR": "1"}
ENDLESS = {("serve",): b"worker", ("worker",): b"working"}
"""Commands that run until Ctrl-C, and what they print when they are ready."""
BENCHMARK = "001-sol-transfer"
NOBODY = "00000000-0000-0000-0000-000000000000"
ARGUMENTS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("run",): (BENCHMARK, "--watch"),
    ("export",): ("executions",),
    ("agents", "add"): ("somebody", "--url", "http://127.0.0.1:9/v1", "--model", "m"),
    ("sync",): ("--dry-run",),
    ("init",): (),
    ("token", "create"): ("somebody",),
    ("webhooks", "add"): ("http://127.0.0.1:9/hook",),
    ("compare",): ("deterministic", "somebody"),
}
"""Where the generic ones would say little. A command that is added needs none."""
IN_A_PYTHON_OF_THEIR_OWN = {("list",), ("run",), ("export",), ("doctor",)}
TROUBLE = (b"Traceback", b"Exception ignored", b"UnicodeEncodeError")


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def arguments(path: tuple[str, ...]) -> tuple[str, ...]:
    if path in ARGUMENTS:
        return ARGUMENTS[path]
    command: Any = typer.main.get_command(app)
    for name in path:
        command = command.commands[name]
    required = [each for each in command.params if each.param_type_name == "argument" and each.required]
    return tuple(NOBODY for _ in required)


COMMANDS = tuple(commands(typer.main.get_command(app)))


def settings(server: Server, database_url: str, **others: str) -> dict[str, str]:
    ours = {"REEV_GQL_URL": server.url, "DATABASE_URL": database_url, "REEV_GQL_RETENTION_DAYS": "90"}
    return environment(**{"TERM": "xterm-256color", "REEV_GQL_PORT": "0", **ours, **others})


def in_terminal(
    path: tuple[str, ...],
    cwd: Path,
    env: dict[str, str],
    columns: int = 60,
    shared: dict[str, str] | None = None,
) -> tuple[int, bytes]:
    command = (str(SCRIPT), *path, *arguments(path))
    with Terminal(command, cwd, env, columns, prepared=shared) as terminal:
        if path in ENDLESS:
            terminal.read_until(ENDLESS[path])
            terminal.process.send_signal(signal.SIGINT)
        return terminal.finish()


def into_closed_pipe(
    path: tuple[str, ...], cwd: Path, env: dict[str, str], shared: dict[str, str] | None
) -> tuple[int, bytes]:
    """Some in a Python of their own, which has more to do at its end."""
    reader, writer = os.pipe()
    os.close(reader)
    command = (str(SCRIPT), *path, *arguments(path))
    none, pipe = subprocess.DEVNULL, subprocess.PIPE
    try:
        if shared is None or path in IN_A_PYTHON_OF_THEIR_OWN:
            done = subprocess.run(command, cwd=cwd, env=env, stdin=none, stdout=writer, stderr=pipe)
            return done.returncode, done.stderr
        process = prepared.forked(command[1:], cwd, env, shared, none, writer, pipe)
    finally:
        os.close(writer)
    with contextlib.closing(process), process.stderr as errors:
        return process.wait(), errors.read()


async def test_every_command_in_a_poor_terminal_and_into_a_closed_pipe(
    server: Server, database_url: str, tmp_path: Path
) -> None:
    assert len(COMMANDS) >= 30 and set(COMMANDS) > IN_A_PYTHON_OF_THEIR_OWN
    env = settings(server, database_url, **ASCII)
    shared = settings(server, "", **ASCII) if prepared.can_fork else None
    at_once = asyncio.Semaphore(4)
    problems = []

    async def check(path: tuple[str, ...]) -> None:
        async with at_once:
            home = tmp_path / "-".join(path)
            home.mkdir()
            code, output = await asyncio.to_thread(in_terminal, path, home, env, shared=shared)
            shown = output.decode("ascii")
            if not output.strip() or code not in (0, 1, 2, 3) or re.search(r"\x1b\[[0-9;]*3[0-7]m", shown):
                problems.append((path, code, output))
            said = [output]
            if path not in ENDLESS:
                code, errors = await asyncio.to_thread(into_closed_pipe, path, home, env, shared)
                said.append(errors)
                if code not in (0, 1, 2, 3):
                    problems.append((path, code, errors))
            problems.extend((path, code, text) for text in said if any(one in text for one in TROUBLE))

    async with asyncio.TaskGroup() as group:
        for path in COMMANDS:
            group.create_task(check(path))
    assert problems == []


def words(output: bytes, encoding: str) -> set[str]:
    """What is no glyph and no control code."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.decode(encoding))
    return {word for word in re.findall(r"[A-Za-z0-9_.-]+", plain) if re.search("[A-Za-z]{2}", word)}


async def test_a_terminal_loses_glyphs_and_no_words(
    server: Server, database_url: str, tmp_path: Path
) -> None:
    watched = await asyncio.to_thread(
        in_terminal, ("run",), tmp_path, settings(server, database_url, PYTHONIOENCODING="cp1252")
    )
    assert watched[0] == 0, watched
    (execution,) = set(re.findall(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", watched[1]))
    ARGUMENTS[("show",)] = (execution.decode(),)

    def shown(columns: int, **others: str) -> tuple[int, bytes]:
        return in_terminal(("show",), tmp_path, settings(server, database_url, **others), columns)

    code, whole = await asyncio.to_thread(shown, 200, PYTHONIOENCODING="utf-8")
    assert code == 0 and b"\x1b[" in whole and "deterministic_sol_transfer" in words(whole, "utf-8")
    for encoding in ("ascii", "latin-1", "cp1252"):
        code, output = await asyncio.to_thread(shown, 200, PYTHONIOENCODING=encoding, NO_COLOR="1")
        assert code == 0 and words(output, encoding) == words(whole, "utf-8"), encoding
    code, dumb = await asyncio.to_thread(shown, 60, TERM="dumb")
    assert code == 0 and b"\x1b" not in dumb
    assert {word for word in words(whole, "utf-8") if len(word) < 20} <= words(dumb, "utf-8")
    del ARGUMENTS[("show",)]


async def test_a_terminal_may_shrink_while_it_is_watched(
    server: Server, database_url: str, tmp_path: Path
) -> None:
    def watch() -> tuple[int, bytes]:
        command = (str(SCRIPT), "run", BENCHMARK, "--repeats", "3", "--watch")
        with Terminal(command, tmp_path, settings(server, database_url), 100) as terminal:
            for columns in (40, 7):
                terminal.read_until(b"")
                terminal.resize(columns)
            return terminal.finish()

    code, output = await asyncio.to_thread(watch)
    assert code == 0 and b"Traceback" not in output
    assert output.count(b"SUCCEEDED") == 3


async def test_the_page_comes_first_when_a_server_starts(
    server: Server, database_url: str, tmp_path: Path
) -> None:
    for env in ({}, ASCII):
        code, output = await asyncio.to_thread(
            in_terminal, ("serve",), tmp_path, settings(server, database_url, **env), 50
        )
        first = re.search(rb"http://127\.0\.0\.1:\d+(\S*)", output)
        assert code == 0 and first is not None and first[1] == b"/", output


def test_a_full_disk_is_said_in_one_line(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run((str(SCRIPT), "--help"), cwd=tmp_path, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 3
    assert done.stderr == b"reev-gql: the output cannot be written: No space left on device\n"


SHELLS = {
    "bash": ("--norc", "-i"),
    "zsh": ("-f", "-i"),
    "fish": ("--no-config", "-i"),
}
PREPARED = {
    "bash": 'eval "$(reev-gql --show-completion)"; echo re""ady\n',
    "zsh": 'autoload -U compinit; compinit -u -D; eval "$(reev-gql --show-completion)"; echo re""ady\n',
    "fish": 'reev-gql --show-completion | source; echo re""ady\n',
}


@pytest.mark.parametrize("shell", [name for name in SHELLS if shutil.which(name)])
def test_a_shell_completes_commands_and_values(shell: str, tmp_path: Path) -> None:
    """By the tab key, in each of the shells that are installed."""
    env = environment(TERM="xterm", PATH=f"{SCRIPT.parent}:{os.environ['PATH']}", HOME=str(tmp_path))
    with Terminal((str(shutil.which(shell)), *SHELLS[shell]), tmp_path, env) as terminal:
        terminal.type(PREPARED[shell])
        terminal.read_until(b"ready")
        for typed, completed in (
            ("reev-gql leaderb", b"leaderboard"),
            ("reev-gql list --status succ", b"succeeded"),
        ):
            terminal.type(f"{typed}\t")
            terminal.read_until(completed)
            terminal.type("\x15")
        assert b"Traceback" not in terminal.output
