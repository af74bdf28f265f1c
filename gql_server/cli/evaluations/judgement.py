"""Whether an evaluation reached its targets: pure functions over what the server answered.

A rate over few attempts says little, and one over none says nothing. So the figures of an agent are judged only
where at least half of the executions of each benchmark count (`Execution.isAttempt`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gql_server.cli.errors import ExitCode
from gql_server.cli.evaluations.targets import FIGURES, Targets

Data = dict[str, Any]

ROUNDING = 1e-9
"""0.95 is not 0.05000000000000004 less than 1."""

SHOWN_BENCHMARKS = 5


class Outcome(StrEnum):
    REACHED = "REACHED"
    NOT_REACHED = "NOT_REACHED"
    NOT_JUDGED = "NOT_JUDGED"


@dataclass(frozen=True)
class Check:
    """One target of one agent: a figure and its value, or what there is to compare with."""

    agent: str
    target: str
    outcome: Outcome
    text: str
    value: float | None = None

    def to_json(self) -> Data:
        return {
            "agent": self.agent,
            "target": self.target,
            "outcome": self.outcome.value,
            "text": self.text,
            "value": self.value,
        }


def checks(
    targets: Targets, entries: Sequence[Data], comparisons: Mapping[str, Data], executions: Sequence[Data]
) -> list[Check]:
    """Every target of every agent. `comparisons`: by agent, with the baseline."""
    if not targets:
        return []
    found: list[Check] = []
    for agent in sorted({execution["agent"] for execution in executions}):
        if (
            missing := too_few(execution for execution in executions if execution["agent"] == agent)
        ) is not None:
            found.append(Check(agent, "attempts", Outcome.NOT_JUDGED, missing))
            continue
        lines = [entry for entry in entries if entry["agent"] == agent and entry["figures"]["attempts"]]
        for entry in lines:
            found += _thresholds(targets, entry, several=len(lines) > 1)
        if agent in comparisons:
            found += _drops(targets, agent, comparisons[agent])
    return found


def too_few(executions: Iterable[Data]) -> str | None:
    """Why the figures of an agent are not judged; None when they are."""
    all_of: Counter[str] = Counter()
    attempts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for execution in executions:
        benchmark = execution["benchmarkId"]
        all_of[benchmark] += 1
        attempts[benchmark] += execution["isAttempt"] is True
        if not execution["isAttempt"]:
            reasons[why_excluded(execution)] += 1
    few = [benchmark for benchmark in sorted(all_of) if 2 * attempts[benchmark] < all_of[benchmark]]
    if not few:
        return None
    named = ", ".join(
        f"{benchmark} ({attempts[benchmark]} of {all_of[benchmark]})" for benchmark in few[:SHOWN_BENCHMARKS]
    )
    more = f" and {len(few) - SHOWN_BENCHMARKS} more" if len(few) > SHOWN_BENCHMARKS else ""
    counted = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    return f"too few executions count: {named}{more}; excluded: {counted}"


def why_excluded(execution: Data) -> str:
    """The state, or the kind of failure, because of which it is no attempt."""
    failure = execution["failure"]
    return str(failure["kind"] if execution["status"] == "FAILED" and failure else execution["status"])


def label_of(entry: Data, *, several: bool) -> str:
    """The agent, and the settings where it has figures for several."""
    settings = entry["settingsHash"]
    return f"{entry['agent']}@{settings[:8]}" if several and settings else str(entry["agent"])


def _thresholds(targets: Targets, entry: Data, *, several: bool) -> Iterator[Check]:
    label, figures = label_of(entry, several=several), entry["figures"]
    for name, least in targets.fail_under.items():
        value, words = figures[FIGURES[name]], name.replace("-", " ")
        target = f"{name} at least {least:g}"
        if value is None:
            yield Check(
                label, target, Outcome.NOT_JUDGED, f"{words} is unknown; at least {least:g} was asked"
            )
            continue
        reached = value >= least - ROUNDING
        of = f" ({figures['solved']} of {figures['attempts']})" if name == "solve-rate" else ""
        asked = f"at least {least:g} was asked" if reached else f"below {least:g}"
        outcome = Outcome.REACHED if reached else Outcome.NOT_REACHED
        yield Check(label, target, outcome, f"{words} {value:.3f}{of}, {asked}", value)


def _drops(targets: Targets, agent: str, comparison: Data) -> Iterator[Check]:
    sentence = comparison["sentence"]
    if targets.max_drop is None:
        worse = comparison["verdict"] == "WORSE"
        outcome = Outcome.NOT_REACHED if worse else Outcome.REACHED
        yield Check(agent, "not worse than the baseline", outcome, sentence)
        return
    for name, difference in (
        ("solve-rate", comparison["solveRateDifference"]),
        ("mean-score", comparison["scoreDifference"]),
    ):
        words, most = name.replace("-", " "), targets.max_drop
        target = f"{name} at most {most:g} below the baseline"
        if difference is None:
            yield Check(agent, target, Outcome.NOT_JUDGED, f"{words} cannot be compared: {sentence}")
            continue
        reached = -difference <= most + ROUNDING
        asked = f"a drop of {most:g} was allowed"
        outcome = Outcome.REACHED if reached else Outcome.NOT_REACHED
        said = f"; {sentence}" if name == "solve-rate" else ""
        text = f"{words} {difference:+.3f} against the baseline, {asked}{said}"
        yield Check(agent, target, outcome, text, difference)


def exit_code(found: Sequence[Check], executions: Sequence[Data]) -> ExitCode:
    """Without targets: whether all SUCCEEDED; of one that was lost and requested again, the other one counts."""
    outcomes = {check.outcome for check in found}
    if Outcome.NOT_JUDGED in outcomes:
        return ExitCode.SERVER_FAILED
    if found:
        return ExitCode.NOT_REACHED if Outcome.NOT_REACHED in outcomes else ExitCode.REACHED
    wanted = {_place(each) for each in executions}
    succeeded = {_place(each) for each in executions if each["status"] == "SUCCEEDED"}
    return ExitCode.REACHED if succeeded == wanted else ExitCode.NOT_REACHED


def _place(execution: Data) -> tuple[str, str, int | None]:
    """What there is one of in a batch."""
    return execution["agent"], execution["benchmarkId"], execution["trial"]
