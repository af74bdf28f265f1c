"""Why an execution can end without a result: a message for a person, and an exit code for the program that
started us.

Exit code 0 is not here: a benchmark that was executed is a success of the runner, whatever its score.
"""

from __future__ import annotations


class RunnerError(Exception):
    """Ends the program with one line on stderr."""

    exit_code = 1
    """A fault of this program or this machine, for example a full disk."""


class UsageError(RunnerError):
    """The command line, or the benchmark that it names, is not valid."""

    exit_code = 2


class NotRunnableError(RunnerError):
    """The benchmark is valid but needs something that is not available here."""

    exit_code = 3


class AgentError(RunnerError):
    """The agent produced no instructions."""

    exit_code = 4


EXIT_ENDPOINT = 5
"""The exit code of an AgentError that is the fault of a model's endpoint, and says nothing about the agent."""
