"""The command line: takes upstream's arguments, writes files and a tree of text, and sets the exit code.

Exit codes: 0 executed, whatever the score · 1 a fault of this program · 2 bad benchmark or usage · 3 not runnable
here · 4 the agent failed · 5 the endpoint of its model failed. Every error is one line on stderr, and no session
file is left; of an agent with a model the transcript stays.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import stat
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from runner_bridge.formats.agents.agent_settings import WITHOUT_MODEL
from runner_bridge.formats.benchmarks.assertions import AssertionOutcome
from runner_bridge.formats.benchmarks.benchmark import Benchmark, parse_benchmark
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.ids import check_id
from runner_bridge.local_runner.agents import agent_settings, create_agent
from runner_bridge.local_runner.errors import RunnerError, UsageError
from runner_bridge.local_runner.execution import Execution, execute
from runner_bridge.local_runner.result_tree import result_tree
from runner_bridge.local_runner.session import session_directory, write_session
from runner_bridge.local_runner.tool_log import ToolLog, tool_log_path

MAX_BENCHMARK_BYTES = 1 << 20
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Options:
    """A valid command line."""

    path: Path
    agent: str
    execution_id: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program and returns its exit code."""
    _speak_utf8()
    try:
        execution = _execute(_options(sys.argv[1:] if arguments is None else arguments))
    except RunnerError as error:
        return _fail(str(error), error.exit_code)
    except FormatError as error:
        return _fail(str(error), UsageError.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    _show(execution)
    return 0


def _execute(options: Options) -> Execution:
    settings = agent_settings(options.agent, os.environ)
    benchmark = _benchmark(options.path)
    directory = session_directory()
    tools = ToolLog(tool_log_path(directory, options.execution_id), options.execution_id)
    agent = create_agent(settings, os.environ, directory, options.execution_id)
    execution = execute(benchmark, options.agent, agent, options.execution_id, tools)
    write_session(execution.session, directory)
    return execution


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see --help)")


def _options(arguments: Sequence[str]) -> Options:
    parser = _Parser(
        prog="python -m runner_bridge.local_runner",
        description="Executes one benchmark in a Solana VM in this process and writes its session file.",
        allow_abbrev=False,
    )
    parser.add_argument("path", metavar="PATH", help="a benchmark file")
    parser.add_argument("--agent", default=WITHOUT_MODEL, help="default: deterministic, the reference answer")
    parser.add_argument("--execution-id", help="session id and part of the file names; default: a new UUID")
    parser.add_argument("--no-db", action="store_true", help="accepted; this runner knows no database")
    parser.add_argument(
        "--shared-surfpool", action="store_true", help="accepted; this runner needs no surfpool"
    )
    given = parser.parse_args(arguments)
    execution_id = str(uuid.uuid4()) if given.execution_id is None else given.execution_id
    return Options(Path(given.path), given.agent, check_id(execution_id, "execution id"))


def _benchmark(path: Path) -> Benchmark:
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError(f"{path} is not a benchmark file")
            data = file.read(MAX_BENCHMARK_BYTES + 1)
    except IsADirectoryError:
        raise UsageError(f"{path} is a directory; give one benchmark file") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    return parse_benchmark(data, str(path))


def _open_at_once(path: str, flags: int) -> int:
    # Without it, opening a named pipe would wait for a writer.
    return os.open(path, flags | os.O_NONBLOCK)


def _speak_utf8() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _fail(message: str, exit_code: int) -> int:
    line = " ".join(message.split())
    with contextlib.suppress(OSError):
        print(f"local runner: {line}", file=sys.stderr)
    return exit_code


def _show(execution: Execution) -> None:
    """Prints the result. It is in its file already, so a closed stdout is no failure."""
    session = execution.session
    lines = [result_tree(session.benchmark_id, execution.steps, session.score, succeeded=session.succeeded)]
    lines += [_assertion_line(outcome) for outcome in execution.assertions]
    try:
        print("\n".join(lines), flush=True)
    except OSError:
        # Otherwise the interpreter would complain about the same stream once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _assertion_line(outcome: AssertionOutcome) -> str:
    reason = f" ({outcome.reason})" if outcome.reason else ""
    return f" {outcome.outcome.value} {outcome.description}{reason}"
