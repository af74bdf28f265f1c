"""How a command ends: its exit codes, and the error that ends it early."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit code of every command. docs/ci.md has the same table."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> ExitCode:
        member = int.__new__(cls, value)
        member._value_, member.meaning = value, meaning
        return member

    REACHED = 0, "It worked: the targets are reached."
    NOT_REACHED = 1, "It did not: a target is not reached, or what was asked for did not happen."
    WRONG_USE = 2, "It was asked for something that makes no sense. Nothing was started."
    SERVER_FAILED = 3, "The server or the infrastructure failed, or an output could not be written."
    INTERRUPTED = 130, "It was interrupted."


class CliError(Exception):
    """What went wrong, in one line for the person at the terminal."""

    def __init__(self, message: str, code: ExitCode = ExitCode.NOT_REACHED) -> None:
        super().__init__(message)
        self.code = code


def wrong_use(message: str) -> CliError:
    """For what the caller has to ask differently."""
    return CliError(message, ExitCode.WRONG_USE)
