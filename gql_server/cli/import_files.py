"""`reev-gql import`: in pages, so that it shows progress and an interruption loses nothing.

What was imported stays imported; starting again goes quickly over what is stored already. The exit code says
whether everything that was found is stored.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from gql_server.cli import graphql_client
from gql_server.cli.client_commands import success
from gql_server.cli.errors import ExitCode
from gql_server.cli.views.json_lines import emit
from gql_server.cli.views.live_view import new_console
from gql_server.cli.views.rows import Rows
from gql_server.cli.views.texts import UNKNOWN, milliseconds, printable
from gql_server.documents import cli_documents

PAGE = 250
"""Files of one request: some tenths of a second each."""

COUNTS = ("imported", "added", "unchanged", "conflicts", "failed", "linesNotUsed")

SHOWN_OTHERS = 5
SHOWN_REMARKS = 10
"""Names and remarks printed; `--json` prints all."""
OUTCOME_STYLES = {"CONFLICT": "yellow", "FAILED": "red"}

Data = dict[str, Any]


async def import_files(url: str, directory: str | None, *, as_json: bool) -> int:
    """Imports everything.

    NOT_REACHED: a file was damaged or in conflict, or lines of a tool log could not be used. WRONG_USE: nothing in
    the directory can be imported.
    """
    console = new_console()
    counts: Counter[str] = Counter()
    noteworthy: list[Data] = []
    progress = Progress(
        TextColumn("importing"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=as_json or not console.is_terminal,
    )
    after: str | None = None
    with progress:
        bar = progress.add_task("importing", total=None)
        while True:
            page = {"directory": directory, "after": after, "first": PAGE}
            answer = await graphql_client.ask(url, cli_documents.IMPORT, {"input": page})
            result = success(answer, "importSessionFiles")
            counts.update({name: result[name] for name in (*COUNTS, "durationMs")})
            after = result["endCursor"]
            progress.update(bar, total=result["total"], completed=result["total"] - result["remaining"])
            for file in result["files"]:
                if as_json:
                    emit(file)
                elif file["reason"] or file["remarks"]:
                    noteworthy.append(file)
            if not result["remaining"]:
                break
    summary = {name: result[name] for name in ("directory", "total", "otherCount", "others")}
    summary |= {name: counts[name] for name in (*COUNTS, "durationMs")}
    if as_json:
        emit(summary)
    else:
        _print(console, noteworthy, summary)
    if not summary["total"]:
        return ExitCode.WRONG_USE
    not_taken = counts["failed"] or counts["conflicts"] or counts["linesNotUsed"]
    return ExitCode.NOT_REACHED if not_taken else ExitCode.REACHED


def _print(console: Console, noteworthy: list[Data], summary: Data) -> None:
    """A row per file that was not imported or whose tool log has faults, and the counts."""
    if noteworthy:
        table = Rows("file", "outcome", "execution", "why")
        for file in noteworthy:
            why = "; ".join([file["reason"]] if file["reason"] else file["remarks"][:SHOWN_REMARKS])
            outcome = Text(file["outcome"], style=OUTCOME_STYLES.get(file["outcome"], "default"))
            cells = (Text(printable(file["file"])), outcome, file["executionId"] or UNKNOWN)
            table.add_row(*cells, Text(printable(why)))
        console.print(table)
    words = {"linesNotUsed": "line not used" if summary["linesNotUsed"] == 1 else "lines not used"}
    counted = ", ".join(f"{summary[name]} {words.get(name, name)}" for name in COUNTS if summary[name])
    files = "file" if summary["total"] == 1 else "files"
    line = f"{summary['total']} {files} in {summary['directory']}: {counted or 'nothing'}"
    if not summary["total"]:
        line = (
            f"Nothing to import in {summary['directory']}: no session_*.json, no enhanced_otel_*.jsonl or "
            "otel_*.jsonl, no cli_sessions.json"
        )
    console.print(Text(f"{printable(line)}, in {milliseconds(summary['durationMs'])}"), soft_wrap=True)
    if summary["otherCount"]:
        names = ", ".join(summary["others"][:SHOWN_OTHERS])
        more = ", …" if summary["otherCount"] > SHOWN_OTHERS else ""
        were = "other file was" if summary["otherCount"] == 1 else "other files were"
        line = f"{summary['otherCount']} {were} not looked at: {names}{more}"
        console.print(Text(printable(line)), soft_wrap=True)
