"""Tables and pages of the client commands. Text from outside is never printed as markup or control codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text

from gql_server.cli.views.conversation_view import entry_text, usage_text
from gql_server.cli.views.live_view import final_line, score_text, status_text
from gql_server.cli.views.rows import Rows, facts, text_of
from gql_server.cli.views.texts import UNKNOWN, exact_moment, milliseconds, moment, printable

Data = dict[str, Any]

OUTCOME_STYLES = {
    "CREATED": "green",
    "UPDATED": "blue",
    "ARCHIVED": "yellow",
    "KEPT": "yellow",
    "FAILED": "red",
}
COUNTS = ("created", "updated", "unchanged", "archived", "kept", "failed")


def print_sync(console: Console, result: Data) -> None:
    """A row per file that is not as it was, and the counts.

    Two columns say of each stored benchmark whether it can be executed here and whether it has a reference answer.
    """
    table = Rows("file", "outcome", "benchmark", "runs here", "answer", "remarks")
    changed = [file for file in result["files"] if file["outcome"] != "UNCHANGED"]
    for file in changed:
        outcome = Text(file["outcome"], style=OUTCOME_STYLES[file["outcome"]])
        benchmark = file["benchmark"]
        runs = (
            ("", "")
            if benchmark is None
            else (_yes_no(benchmark["runnableLocally"]), _yes_no(benchmark["referenceAnswer"]["exists"]))
        )
        table.add_row(
            text_of(file["file"]), outcome, text_of(file["benchmarkId"]), *runs, _file_remarks(file)
        )
    if changed:
        console.print(table)
    total = len(result["files"])
    counts = ", ".join(f"{result[name]} {name}" for name in COUNTS if result[name]) or "nothing"
    console.print(
        f"{total - result['failed']} of {total} files: {counts}, in {milliseconds(result['durationMs'])}"
    )
    if result["kept"]:
        console.print(
            "What was kept came from another benchmarks directory; `reev-gql benchmarks archive` takes it out"
        )
    if archived := sum(file["staysArchived"] for file in result["files"]):
        console.print(
            f"{archived} of them archived on request; `reev-gql benchmarks restore` brings one back"
        )


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


def print_rows(console: Console, what: str, rows: Sequence[Data]) -> None:
    """Executions or benchmarks."""
    if what == "executions":
        table = Rows("execution", "benchmark", "agent", "status", "solved", "score", "queued", "took")
        for row in rows:
            table.add_row(*_execution_cells(row))
    else:
        table = Rows("benchmark", "revision", "description", "tags")
        for row in rows:
            archived = " (archived)" if row["archivedAt"] is not None else ""
            tags = text_of(", ".join(row["tags"]))
            description = text_of((row["description"] or UNKNOWN) + archived)
            table.add_row(text_of(row["id"]), str(row["revision"]), description, tags)
    console.print(table)


def _execution_cells(row: Data) -> tuple[Text | str, ...]:
    return (
        text_of(row["id"]),
        text_of(row["benchmarkId"]),
        text_of(row["agent"]),
        status_text(row["status"]),
        UNKNOWN if row["solved"] is None else _yes_no(row["solved"]),
        score_text(row),
        moment(row["queuedAt"]),
        milliseconds(row["executionTimeMs"]),
    )


def print_execution(console: Console, execution: Data) -> None:
    """Everything about one execution."""
    console.print(Text(execution["id"], style="bold"), final_line(execution))
    console.print(Padding(facts(_facts(execution)), (1, 0)))
    if conversation := execution["conversation"]["nodes"]:
        for entry in conversation:
            console.print(Text(f"{exact_moment(entry['at'])}  ", style="dim").append_text(entry_text(entry)))
        if execution["conversation"]["pageInfo"]["hasNextPage"]:
            console.print(f"The first {len(conversation)} entries; GraphQL has the rest.")
        console.print()
    if execution["toolCalls"]:
        calls = Rows("#", "tool call", "status", "took", "error")
        for call in execution["toolCalls"]:
            cells = (str(call["ordinal"]), call["name"], call["status"])
            calls.add_row(*cells, milliseconds(call["durationMs"]), text_of(call["errorMessage"]))
        console.print(Padding(calls, (0, 0, 1, 0)))
    if execution["remarks"]:
        remarks = Rows("file", "line", "not used as it stands")
        for item in execution["remarks"]:
            remarks.add_row(text_of(item["file"]), text_of(item["line"]), text_of(item["message"]))
        console.print(Padding(remarks, (0, 0, 1, 0)))
    if execution["steps"]:
        console.print(Padding(Text(printable(execution["trace"], keep="\n")), (0, 0, 1, 0)))
    if execution["assertions"]:
        assertions = Rows("assertion", "outcome", "actual", "reason")
        for item in execution["assertions"]:
            assertions.add_row(
                text_of(item["description"]),
                item["outcome"],
                text_of(item["actual"]),
                text_of(item["reason"] or ""),
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
    if execution["promptSource"] == "IMPORT_RECORD":
        return [("prompt from", "what it was imported from")]
    if execution["promptSource"] != "TOOL_LOG":
        return []
    return [("prompt from", "the tool log, which cut it" if execution["promptTruncated"] else "the tool log")]


def _pruned(pruned: Data | None) -> list[tuple[str, object]]:
    if pruned is None:
        return []
    if pruned["steps"] is None:
        return [("retention", f"deleted all of its day on {pruned['prunedAt']}")]
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
