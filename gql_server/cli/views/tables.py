"""Tables and pages of the client commands. Text from outside is never printed as markup or control codes."""

from __future__ import annotations

from typing import Any

from rich.console import Console, Group
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gql_server.cli.views.conversation_view import entry_text, usage_text
from gql_server.cli.views.live_view import clock, final_line, score_text, status_text
from gql_server.cli.views.texts import UNKNOWN, milliseconds, printable

Data = dict[str, Any]

OUTCOME_STYLES = {
    "CREATED": "green",
    "UPDATED": "blue",
    "UNCHANGED": "dim",
    "ARCHIVED": "yellow",
    "FAILED": "red",
}
COUNTS = ("created", "updated", "unchanged", "archived", "failed")


def _table(*columns: str) -> Table:
    """The first column says which row it is and stays whole, whatever the width."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    return table


def print_sync(console: Console, result: Data) -> None:
    """A row per file, a bar of what went well, and the counts.

    Two columns say of each stored benchmark whether it can be executed here and whether it has a reference answer.
    """
    table = _table("file", "outcome", "benchmark", "runs here", "answer", "remarks")
    for file in result["files"]:
        outcome = Text(file["outcome"], style=OUTCOME_STYLES[file["outcome"]])
        benchmark = file["benchmark"]
        facts = (
            ("", "")
            if benchmark is None
            else (_yes_no(benchmark["runnableLocally"]), _yes_no(benchmark["referenceAnswer"]["exists"]))
        )
        table.add_row(_text(file["file"]), outcome, _text(file["benchmarkId"]), *facts, _file_remarks(file))
    console.print(table)
    total = len(result["files"])
    good = total - result["failed"]
    bar = ProgressBar(total=max(total, 1), completed=good, width=30)
    counts = ", ".join(f"{result[name]} {name}" for name in COUNTS if result[name])
    line = Table.grid(padding=(0, 1))
    line.add_row(
        bar, f"{good} of {total} files", f"({counts or 'nothing'})", milliseconds(result["durationMs"])
    )
    console.print(line)


def _yes_no(fact: bool) -> str:
    return "yes" if fact else "no"


def _file_remarks(file: Data) -> Text:
    if error := file["error"]:
        place = f"line {error['line']}, column {error['column']}: " if error["line"] is not None else ""
        return Text(place + printable(error["message"]), style="red")
    lines = []
    if file["remarks"]:
        first, *others = file["remarks"]
        more = f" (and {len(others)} more)" if others else ""
        lines.append(f"{printable(first['path'])}: {printable(first['message'])}{more}")
    if (benchmark := file["benchmark"]) is not None:
        reasons = (
            ("cannot run here", benchmark["whyNotRunnableLocally"]),
            ("no reference answer", benchmark["referenceAnswer"]["reason"]),
        )
        lines += [f"{fact}: {printable(reason)}" for fact, reason in reasons if reason is not None]
    return Text("\n".join(lines), style="dim")


def print_rows(console: Console, what: str, rows: list[Data]) -> None:
    """A list of executions, benchmarks or agents."""
    if not rows:
        console.print(f"There are no {what} yet.")
        return
    if what == "executions":
        table = _table("execution", "benchmark", "agent", "status", "solved", "score", "queued", "took")
        for row in rows:
            table.add_row(*_execution_cells(row))
    elif what == "benchmarks":
        table = _table("benchmark", "revision", "description", "tags")
        for row in rows:
            tags = ", ".join(row["tags"])
            table.add_row(_text(row["id"]), str(row["revision"]), _text(row["description"]), _text(tags))
    else:
        table = _table("agent", "asks")
        for row in rows:
            table.add_row(
                _text(row["name"]), "a model" if row["usesModel"] else "nobody: the reference answer"
            )
    console.print(table)


def _execution_cells(row: Data) -> tuple[Text | str, ...]:
    return (
        _text(row["id"]),
        _text(row["benchmarkId"]),
        _text(row["agent"]),
        status_text(row["status"]),
        UNKNOWN if row["solved"] is None else _yes_no(row["solved"]),
        score_text(row),
        clock(row["queuedAt"])[:8],
        milliseconds(row["executionTimeMs"]),
    )


def print_execution(console: Console, execution: Data) -> None:
    """Everything about one execution."""
    console.print(Text(execution["id"], style="bold"), final_line(execution))
    facts = Table.grid(padding=(0, 2))
    for name, value in _facts(execution):
        facts.add_row(Text(name, style="dim"), _text(value))
    console.print(Padding(facts, (1, 0)))
    if conversation := execution["conversation"]["nodes"]:
        for entry in conversation:
            console.print(Text(f"{clock(entry['at'])}  ", style="dim").append_text(entry_text(entry)))
        if execution["conversation"]["pageInfo"]["hasNextPage"]:
            console.print(f"The first {len(conversation)} entries; GraphQL has the rest.")
        console.print()
    if execution["toolCalls"]:
        calls = _table("#", "tool call", "status", "took", "error")
        for call in execution["toolCalls"]:
            cells = (str(call["ordinal"]), call["name"], call["status"])
            calls.add_row(*cells, milliseconds(call["durationMs"]), _text(call["errorMessage"]))
        console.print(Padding(calls, (0, 0, 1, 0)))
    if execution["remarks"]:
        remarks = _table("file", "line", "not used as it stands")
        for item in execution["remarks"]:
            remarks.add_row(_text(item["file"]), _text(item["line"]), _text(item["message"]))
        console.print(Padding(remarks, (0, 0, 1, 0)))
    if execution["steps"]:
        console.print(Padding(Text(printable(execution["trace"], keep="\n")), (0, 0, 1, 0)))
    if execution["assertions"]:
        assertions = _table("assertion", "outcome", "actual", "reason")
        for item in execution["assertions"]:
            assertions.add_row(
                _text(item["description"]),
                item["outcome"],
                _text(item["actual"]),
                _text(item["reason"] or ""),
            )
        console.print(Padding(assertions, (0, 0, 1, 0)))
    if execution["scoring"] is not None:
        console.print(_scoring(execution["scoring"]))


def _facts(execution: Data) -> list[tuple[str, object]]:
    return [
        ("benchmark", f"{execution['benchmarkId']} (revision {execution['benchmarkRevision']})"),
        ("agent", execution["agent"]),
        ("origin", execution["origin"]),
        ("queued", execution["queuedAt"]),
        ("started", execution["startedAt"]),
        ("ended", execution["endedAt"]),
        ("waited", milliseconds(execution["queueDurationMs"])),
        (
            "took",
            f"{milliseconds(execution['executionTimeMs'])} of {milliseconds(execution['timeoutMs'])} allowed",
        ),
        ("exit code", execution["exitCode"]),
        ("prompt", execution["prompt"]),
        *_prompt_source(execution),
        *([] if execution["usage"] is None else [("model", usage_text(execution["usage"]).plain)]),
        *_pruned(execution["pruned"]),
    ]


def _prompt_source(execution: Data) -> list[tuple[str, object]]:
    """Shown only where it is not the usual source."""
    if execution["promptSource"] != "TOOL_LOG":
        return []
    return [("prompt from", "the tool log, which cut it" if execution["promptTruncated"] else "the tool log")]


def _pruned(pruned: Data | None) -> list[tuple[str, object]]:
    if pruned is None:
        return []
    gone = (
        f"{pruned['steps']} steps, {pruned['toolCalls']} tool calls, {pruned['outputBytes']} bytes of output"
    )
    return [("retention", f"deleted {gone} on {pruned['prunedAt']}")]


def _scoring(scoring: Data) -> Group:
    total = (
        f"computed score {scoring['score']:.3f} = 0.75 × {scoring['instructionScore']:.3f} instructions"
        f" + 0.25 × {scoring['onchainScore']:.0f} on chain"
    )
    notes = [*scoring["issues"], *scoring["details"]]
    return Group(Text(total), *(Text(f"  {printable(note)}", style="dim") for note in notes))


def _text(value: object) -> Text:
    return Text(UNKNOWN if value is None else printable(value))
