"""What a check finds: how bad it is, what it is about, what is so, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. Only a problem keeps something from working."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. `advice` is there for everything that is not ok."""

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
