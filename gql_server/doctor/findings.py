"""What a check finds: its severity, its subject, a message and advice."""

from __future__ import annotations

from enum import StrEnum

from store.records import record


class Level(StrEnum):
    """The severity. Only a problem keeps something from working."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@record
class Finding:
    """One line of output. Everything that is not ok has `advice`."""

    level: Level
    about: str
    message: str
    advice: str | None = None


def ok(about: str, message: str) -> Finding:
    return Finding(Level.OK, about, message)


def warning(about: str, message: str, advice: str) -> Finding:
    return Finding(Level.WARNING, about, message, advice)


def problem(about: str, message: str, advice: str) -> Finding:
    return Finding(Level.PROBLEM, about, message, advice)
