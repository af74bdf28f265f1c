"""The summary of an evaluation as GitHub-flavoured Markdown, for a pull request or a job's page.

Text from outside is in `<code>` with every character that Markdown or HTML could take for its own as a number, so
it makes no link, mentions nobody and stays in its cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from gql_server.cli.errors import ExitCode
from gql_server.cli.evaluations.figures_text import interval_text, money, percent, score
from gql_server.cli.evaluations.judgement import Check, Outcome, label_of, why_excluded
from gql_server.cli.views.live_view import verdict_text
from gql_server.cli.views.texts import UNKNOWN, printable

Data = dict[str, Any]

HEADLINES = {
    ExitCode.REACHED: "✅ Reached",
    ExitCode.NOT_REACHED: "❌ Not reached",
    ExitCode.SERVER_FAILED: "⚠️ Not judged",
}
MARKS = {Outcome.REACHED: "✅", Outcome.NOT_REACHED: "❌", Outcome.NOT_JUDGED: "⚠️"}
SHOWN_BENCHMARKS = 50
"""A comment on GitHub has at most 65,536 characters."""

MAX_TEXT = 200


def report(
    batch: Data,
    comparisons: Mapping[str, Data],
    executions: Sequence[Data],
    found: Sequence[Check],
    code: ExitCode,
) -> str:
    """The whole file. `executions`: sorted by agent, benchmark and trial."""
    named = f"{code_text(batch['name'])} " if batch["name"] else ""
    parts = [
        f"## {HEADLINES[code]}",
        f"Batch {named}{code_text(batch['id'])}: {batch['size']} executions.",
        "\n".join(_entries(batch["entries"])),
    ]
    if found:
        lines = [f"- {MARKS[check.outcome]} {code_text(check.agent)}: {plain(check.text)}" for check in found]
        parts += ["### Targets", "\n".join(lines)]
    for agent, comparison in comparisons.items():
        parts += [f"### {code_text(agent)} and the baseline", plain(comparison["sentence"])]
        parts += ["\n".join(_differences(comparison["benchmarks"]))]
    if not_solved := list(_not_solved(executions)):
        table = ["| agent | benchmark | solved | the first that was not |", "|---|---|---|---|"]
        parts += ["### Not solved by every attempt", "\n".join([*table, *not_solved[:SHOWN_BENCHMARKS]])]
        if len(not_solved) > SHOWN_BENCHMARKS:
            parts.append(f"And {len(not_solved) - SHOWN_BENCHMARKS} more.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _entries(entries: Sequence[Data]) -> Iterator[str]:
    yield "| agent | settings | solved | solve rate | mean score | do not count | cost |"
    yield "|---|---|---|---|---|---|---|"
    for entry in entries:
        figures = entry["figures"]
        excluded = ", ".join(f"{each['executions']} {each['reason']}" for each in figures["excluded"])
        several = sum(other["agent"] == entry["agent"] for other in entries) > 1
        cells = (
            code_text(label_of(entry, several=several)),
            code_text(entry["settingsSummary"] or entry["model"]),
            f"{figures['solved']} of {figures['attempts']}",
            f"{percent(figures['solveRate'])} {interval_text(figures['solveRateInterval'], percent)}".strip(),
            f"{score(figures['meanScore'])} {interval_text(figures['meanScoreInterval'], score)}".strip(),
            excluded or "none",
            money(figures["cost"]),
        )
        yield f"| {' | '.join(cells)} |"


def _differences(benchmarks: Sequence[Data]) -> Iterator[str]:
    """Benchmarks whose figures differ."""
    changed = [each for each in benchmarks if each["scoreDifference"] or each["solveRateDifference"]]
    if not changed:
        return
    yield "| benchmark | solve rate | mean score |"
    yield "|---|---|---|"
    for each in changed[:SHOWN_BENCHMARKS]:
        cells = (_change(each, "solveRate", percent), _change(each, "meanScore", score))
        yield f"| {code_text(each['benchmarkId'])} | {' | '.join(cells)} |"


def _change(benchmark: Data, figure: str, text: Any) -> str:
    return f"{text(benchmark['baseline'][figure])} → {text(benchmark['candidate'][figure])}"


def _not_solved(executions: Sequence[Data]) -> Iterator[str]:
    for (agent, benchmark), group in groupby(
        executions, key=lambda each: (each["agent"], each["benchmarkId"])
    ):
        trials = list(group)
        attempts = [trial for trial in trials if trial["isAttempt"]]
        solved = sum(trial["solved"] is True for trial in attempts)
        first = next((trial for trial in trials if not trial["solved"]), None)
        if first is None or (attempts and solved == len(attempts)):
            continue
        failure = first["failure"]
        why = f"{failure['kind']}: {failure['message']}" if failure else verdict_text(first)
        cells = (agent, benchmark, f"{solved} of {len(attempts)}", why or why_excluded(first))
        yield f"| {' | '.join(map(code_text, cells))} |"


def code_text(value: object) -> str:
    """Text from outside, on one line."""
    if value is None or value == "":
        return UNKNOWN
    return f"<code>{plain(str(value))}</code>"


def plain(outside: str) -> str:
    """On one line, cut, and without anything that Markdown or HTML would read as its own."""
    text = printable(outside)
    short = text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]} …"
    return re.sub(r"[!-,./:-@\[-`{-~]", lambda match: f"&#{ord(match[0])};", short)
