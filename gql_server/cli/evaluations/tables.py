"""Batches, leaderboards and comparisons for a person. One headline: the computed score, and what was solved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from gql_server.cli.evaluations.figures_text import interval_text, money, percent, score
from gql_server.cli.evaluations.judgement import Check, Outcome, label_of
from gql_server.cli.views.rows import Rows, facts, text_of
from gql_server.cli.views.texts import UNKNOWN, milliseconds, moment, printable

Data = dict[str, Any]

ENTRY_COLUMNS = (
    *("agent", "settings", "solved", "solve rate", "mean score", "benchmarks", "p50", "cost", "excluded"),
)
MARKS = {
    Outcome.REACHED: ("✓", "green"),
    Outcome.NOT_REACHED: ("✕", "red"),
    Outcome.NOT_JUDGED: ("?", "yellow"),
}


def print_result(console: Console, batch: Data, found: Sequence[Check]) -> None:
    """The figures of a batch, and which targets are reached."""
    if len(batch["entries"]) > 1:
        print_entries(console, batch["entries"])
    console.print(Text(figures_line(batch)), soft_wrap=True)
    for check in found:
        mark, style = MARKS[check.outcome]
        line = f"{mark} {printable(check.agent)}: {printable(check.text)}"
        console.print(Text(line, style=style), soft_wrap=True)


def figures_line(batch: Data) -> str:
    """How many attempts were solved; of one agent with one settings also how sure the rate is."""
    figures = batch["figures"]
    attempts, left_out = figures["attempts"], batch["progress"]["ended"] - figures["attempts"]
    parts = [f"solved {figures['solved']} of {attempts} attempts"]
    # A rate of several together would be nobody's: each has a line of its own.
    if len(batch["entries"]) == 1:
        alone = batch["entries"][0]["figures"]
        if (interval := alone["solveRateInterval"]) is not None:
            low, high = (round(100 * end) for end in (interval["low"], interval["high"]))
            parts.append(f"{round(100 * alone['solveRate'])} %, the true rate is between {low} and {high} %")
        if alone["meanScore"] is not None:
            parts.append(f"mean score {alone['meanScore']:.3f}")
    if left_out:
        parts.append(f"{left_out} {'does' if left_out == 1 else 'do'} not count for the agent")
    return "; ".join(parts)


def print_entries(console: Console, entries: Sequence[Data]) -> None:
    """A line for each agent and settings; one that ran fewer benchmarks is marked."""
    table = Rows(*ENTRY_COLUMNS)
    agents = [entry["agent"] for entry in entries]
    for entry in entries:
        figures = entry["figures"]
        excluded = ", ".join(f"{each['executions']} {each['reason']}" for each in figures["excluded"])
        table.add_row(
            text_of(label_of(entry, several=agents.count(entry["agent"]) > 1)),
            text_of(entry["settingsSummary"] or entry["model"]),
            f"{figures['solved']} of {figures['attempts']}",
            f"{percent(figures['solveRate'])} {interval_text(figures['solveRateInterval'], percent)}",
            f"{score(figures['meanScore'])} {interval_text(figures['meanScoreInterval'], score)}",
            f"{entry['benchmarks']}{' (fewer than others)' if entry['isPartial'] else ''}",
            milliseconds(None if figures["p50TimeMs"] is None else round(figures["p50TimeMs"])),
            money(figures["cost"]),
            excluded,
        )
    console.print(table)


def print_batches(console: Console, batches: Iterable[Data]) -> None:
    """Newest first, each with its progress and figures."""
    table = Rows("batch", "name", "tags", "requested", "ended", "solved", "mean score")
    for batch in batches:
        figures = batch["figures"]
        table.add_row(
            text_of(batch["id"]),
            text_of(batch["name"]),
            text_of(", ".join(batch["tags"])),
            moment(batch["requestedAt"]),
            f"{batch['progress']['ended']} of {batch['size']}",
            f"{figures['solved']} of {figures['attempts']}",
            score(figures["meanComputedScore"]),
        )
    console.print(table)


def print_batch(console: Console, batch: Data) -> None:
    """Everything about one batch but its executions."""
    progress = batch["progress"]
    states = ", ".join(f"{count} {state}" for state, count in progress.items() if count and state != "ended")
    rows = {"name": batch["name"], "note": batch["note"], "tags": ", ".join(batch["tags"]) or None}
    rows |= {"requested": batch["requestedAt"], "executions": f"{batch['size']}: {states}"}
    console.print(Text(batch["id"], style="bold"), facts(rows.items()))
    if batch["entries"]:
        print_entries(console, batch["entries"])
    console.print(Text(figures_line(batch)), soft_wrap=True)


def print_stopped(console: Console, result: Data) -> None:
    """What a stop did."""
    console.print(f"{result['stopped']} are stopped, the runners of {result['stopping']} are being ended")


def print_comparison(console: Console, comparison: Data) -> None:
    """A row for each benchmark, what only one of them has, and the sentence to quote."""
    table = Rows("benchmark", "solved", "mean score", "difference")
    for each in comparison["benchmarks"]:
        before, after = each["baseline"], each["candidate"]
        difference = each["scoreDifference"]
        table.add_row(
            text_of(each["benchmarkId"]),
            f"{before['solved']} of {before['attempts']} → {after['solved']} of {after['attempts']}",
            f"{score(before['meanScore'])} → {score(after['meanScore'])}",
            UNKNOWN if difference is None else f"{difference:+.3f}",
        )
    console.print(table)
    for words, name in (("first", "onlyInBaseline"), ("second", "onlyInCandidate")):
        if comparison[name]:
            listed = ", ".join(map(printable, comparison[name]))
            console.print(Text(f"Only in the {words}, and not compared: {listed}"), soft_wrap=True)
    console.print(Text(printable(comparison["sentence"]), style="bold"), soft_wrap=True)
