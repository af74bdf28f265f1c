"""What an evaluation must reach, as options say it; anything doubtful is refused before something is started."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gql_server.cli.errors import wrong_use

FIGURES = {"solve-rate": "solveRate", "mean-score": "meanScore"}
"""Names that --fail-under takes, and the fields of AttemptFigures that they stand for."""

_NUMBER = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?(%?)")


@dataclass(frozen=True)
class Targets:
    """`fail_under`: the least value, 0 to 1, by the name of the figure."""

    fail_under: Mapping[str, float] = field(default_factory=dict)
    baseline: str | None = None
    max_drop: float | None = None

    def __bool__(self) -> bool:
        return bool(self.fail_under) or self.baseline is not None

    @classmethod
    def parse(cls, fail_under: str | None, baseline: str | None, max_drop: str | None) -> Targets:
        """Of the options as they were given. Raises CliError."""
        if max_drop is not None and baseline is None:
            raise wrong_use("--max-drop needs --baseline: it says how far below the baseline is too far")
        return cls(
            {} if fail_under is None else parse_thresholds(fail_under),
            baseline,
            None if max_drop is None else parse_share("--max-drop", max_drop),
        )


def parse_thresholds(text: str) -> dict[str, float]:
    """`solve-rate=0.9,mean-score=80%` by name, each 0 to 1. Raises CliError."""
    found: dict[str, float] = {}
    for part in text.split(","):
        name, equals, value = (each.strip() for each in part.partition("="))
        if name not in FIGURES:
            known = " and ".join(FIGURES)
            raise wrong_use(f"--fail-under knows {known}, as in solve-rate=0.9; {name[:80]!r} is neither")
        if not equals:
            raise wrong_use(f"--fail-under needs a value for {name}, as in {name}=0.9")
        if name in found:
            raise wrong_use(f"--fail-under names {name} twice")
        found[name] = parse_share(f"--fail-under {name}", value)
    return found


def parse_share(option: str, text: str) -> float:
    """`0.9` or `90%` as a number from 0 to 1. Raises CliError."""
    match = _NUMBER.fullmatch(text.strip())
    value = None if match is None else float(match[1]) / (100 if match[2] else 1)
    if value is None or value > 1:
        raise wrong_use(f"{option} is from 0 to 1, or from 0% to 100%, not {text[:80]!r}")
    return value
