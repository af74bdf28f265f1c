"""How an execution can end without a result: each a reason for the person and an exit code for the program.

0 is not here: a benchmark that was executed is a success of the runner, whatever its score.
"""

from __future__ import annotations


class RunnerError(Exception):
    """Ends the program with one line on stderr."""

    exit_code = 1
    """Ours to blame, for example a disk that is full."""


class UsageError(RunnerError):
    """The command line, or the benchmark it names, is not what it should be."""

    exit_code = 2


class NotRunnableError(RunnerError):
    """The benchmark is sound but needs something that is not here."""

    exit_code = 3


class AgentError(RunnerError):
    """The agent produced no instructions."""

    exit_code = 4
