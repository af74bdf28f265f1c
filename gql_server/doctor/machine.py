"""Checks of this machine, without the database: the runner, directories, benchmarks, the port."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from gql_server.doctor.findings import Finding, Level, ok, problem, warning
from gql_server.settings.settings import Settings
from runner_bridge.formats.benchmarks.benchmark import parse_benchmark
from runner_bridge.formats.errors import FormatError
from runner_bridge.launchers.command_help import ask_for_help, command_remarks
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.launchers.start_runner import runner_environment

LITTLE_SPACE = 1024**3
"""Room for a thousand executions with their output."""

NO_SPACE = 100 * 1024**2
"""PostgreSQL stops at a full disk; below this it soon is."""

RUNNER_ANSWERS_S = 30.0
"""Our runner loads a virtual machine; on a busy machine that takes seconds."""

PORT_ANSWERS_S = 3.0
"""A server of ours answers /healthz in milliseconds."""


def runner(settings: Settings) -> Iterator[Finding]:
    """Whether the runner's program is there and can be executed; our own is started once."""
    config = settings.runner
    directory = config.working_directory
    if directory is not None and not directory.is_dir():
        yield problem(
            "runner", f"its working directory {directory} does not exist", "Set REEV_GQL_RUNNER_DIR"
        )
        return
    program = config.template.program
    environment = runner_environment(config, {})
    beside = str((directory or Path()).absolute() / program) if os.sep in program else program
    if shutil.which(beside, path=environment.get("PATH")) is None:
        there = Path(beside).exists()
        what = f"{program} is not executable" if there else f"{program} was not found"
        how = f"chmod +x {beside}" if there else "Install it, or correct REEV_GQL_RUNNER_COMMAND"
        yield problem("runner", what, f"{how}; every execution fails until then")
    elif config.is_local_runner:
        found = asyncio.run(ask_for_help(config, RUNNER_ANSWERS_S))
        if found.problem is not None:
            yield problem("runner", f"our local runner does not start: {found.problem}", "Install anew")
        else:
            yield ok("runner", "our local runner starts")
    else:
        yield ok("runner", f"{program} is there: {config.command}")
        yield from _flags(config)


def _flags(config: RunnerConfig) -> Iterator[Finding]:
    """The flags of the command that the program does not know."""
    if not any(config.template.flags):
        return
    found = asyncio.run(ask_for_help(config, RUNNER_ANSWERS_S))
    for remark in command_remarks(config, found):
        if remark.advice is None:
            yield ok("runner", remark.message)
        else:
            level = Level.PROBLEM if found.problem is None else Level.WARNING
            yield Finding(level, "runner", remark.message, remark.advice)


def directories(settings: Settings) -> Iterator[Finding]:
    """Whether what is written can be written, and how much space is left."""
    wanted = {
        "sessions": (settings.sessions_dir, "REEV_GQL_SESSIONS_DIR"),
        "output": (settings.output_dir, "REEV_GQL_OUTPUT_DIR"),
    }
    if settings.database_url is None:
        wanted["data"] = (settings.data_dir, "REEV_GQL_DATA_DIR")
    for name, (path, variable) in wanted.items():
        yield _directory(f"{name} directory", path.absolute(), variable)


def _directory(about: str, path: Path, variable: str) -> Finding:
    existing = next(part for part in (path, *path.parents) if part.exists())
    if not existing.is_dir():
        return problem(about, f"{existing} is not a directory", f"Move it away, or set {variable}")
    if not os.access(existing, os.W_OK | os.X_OK):
        return problem(about, f"{existing} cannot be written", f"Give this user the right, or set {variable}")
    free = shutil.disk_usage(existing).free
    space = f"{free / 1024**3:.1f} GiB free" if free >= LITTLE_SPACE else f"{free // 1024**2} MiB free"
    how = "Free space: `reev-gql prune` says what old executions hold"
    if free < NO_SPACE:
        return problem(about, f"{path}: only {space}", how)
    if free < LITTLE_SPACE:
        return warning(about, f"{path}: only {space}", how)
    return ok(about, f"{path}: {space}" + ("" if existing == path else ", made when it is needed"))


def benchmarks(settings: Settings) -> Iterator[Finding]:
    """Whether every file of the benchmarks directory can be read."""
    path = settings.benchmarks_dir.absolute()
    if not path.is_dir():
        begin = "`reev-gql init` writes those that come with the program"
        if path.exists() or "benchmarks_dir" in settings.model_fields_set:
            what, how = f"{path} is not a directory", f"Set REEV_GQL_BENCHMARKS_DIR, or {begin} there"
            yield problem("benchmarks", what, how)
        else:
            yield warning("benchmarks", f"there is no {path} yet", begin)
        return
    files = sorted(file for pattern in ("*.yml", "*.yaml") for file in path.glob(pattern))
    bad = 0
    for file in files:
        try:
            parse_benchmark(file.read_bytes(), file.name)
        except (FormatError, OSError) as error:
            bad += 1
            yield warning("benchmarks", f"{file.name} cannot be loaded: {error}", f"Correct {file}")
    if not files:
        yield warning(
            "benchmarks", f"there is none in {path}", "Put some there, or set REEV_GQL_BENCHMARKS_DIR"
        )
    else:
        yield ok("benchmarks", f"{len(files) - bad} of {len(files)} files in {path} can be loaded")


def port(settings: Settings) -> Iterator[Finding]:
    """Whether the port is free, or a server of ours answers there."""
    where = f"{settings.host} port {settings.port}"
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            reason = error.strerror
        else:
            yield ok("port", f"{where} is free: no server runs there")
            return
    if _is_ours(settings):
        yield ok("port", f"a server of ours answers on {where}")
    else:
        yield problem(
            "port", f"{where} cannot be used: {reason}", "Stop the program there, or set REEV_GQL_PORT"
        )


def _is_ours(settings: Settings) -> bool:
    host = "127.0.0.1" if not settings.is_loopback else settings.host
    connection = http.client.HTTPConnection(host, settings.port, timeout=PORT_ANSWERS_S)
    try:
        connection.request("GET", "/healthz")
        answer: object = json.loads(connection.getresponse().read(1000))
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
    return answer == {"status": "ok"}


CHECKS = (runner, directories, benchmarks, port)
