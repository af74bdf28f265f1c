"""`reev-gql import-reev`: imports databases of reev; it opens our database itself, so no server has to run.

It can be interrupted at any time and started again: what was stored stays stored, and it goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from gql_server.cli.errors import CliError, ExitCode, wrong_use
from gql_server.cli.views.json_lines import emit
from gql_server.cli.views.live_view import new_console
from gql_server.cli.views.rows import Rows
from gql_server.cli.views.texts import UNKNOWN, milliseconds, printable
from gql_server.process.startup import database_server
from gql_server.settings.settings import Settings
from runner_bridge.errors import BridgeError
from runner_bridge.moving_in.moving_in import ReevFile, import_reev_database
from runner_bridge.moving_in.report import DatabaseReport, RowOutcome, TableReport
from store.postgres.database import Database
from store.postgres.migrate import check, migrate

SHOWN_REMARKS = 20
SHOWN_CHANGED = 10
"""Lines printed; `--json` prints all that are kept."""


async def import_reev(settings: Settings, paths: Sequence[Path], *, dry_run: bool, as_json: bool) -> None:
    """Imports each database and prints its report. Raises CliError in the end when one could not be read."""
    if missing := [printable(str(path)) for path in paths if not path.exists()]:
        raise wrong_use(f"there is no file {', '.join(missing)}; nothing was imported")
    console = new_console()
    refused: list[str] = []
    async with database_server(settings) as url:
        # A database that is empty so far is made ready, as a server does it; a dry run changes nothing.
        await (check if dry_run and settings.database_url else migrate)(url)
        db = await Database.open(url, max_size=2)
        try:
            for path in paths:
                try:
                    file = ReevFile(path, max_bytes=settings.import_max_bytes)
                    report = await _import(db, file, console, dry_run=dry_run, as_json=as_json)
                except BridgeError as error:
                    refused.append(str(error))
                    continue
                if as_json:
                    emit(record(report))
                else:
                    _print(console, report)
        finally:
            await db.close()
    if refused:
        raise CliError("; ".join(refused), ExitCode.NOT_REACHED)


async def _import(
    db: Database, file: ReevFile, console: Console, *, dry_run: bool, as_json: bool
) -> DatabaseReport:
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("rows"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=as_json or not console.is_terminal,
    )
    with bar:
        task = bar.add_task("copying", total=None)

        def show(report: DatabaseReport) -> None:
            verb = "reading" if dry_run else "importing"
            bar.update(task, description=verb, total=report.rows, completed=report.rows_done)

        return await import_reev_database(db, file, dry_run=dry_run, progress=show)


def record(report: DatabaseReport) -> dict[str, Any]:
    """The report as JSON."""
    return {
        "database": printable(report.path),
        "sha256": report.sha256,
        "dryRun": report.dry_run,
        "executions": report.executions,
        "statuses": {str(status): number for status, number in sorted(report.statuses.items())},
        "executionsAlreadyThere": report.executions_already_there,
        "tables": [_table(table) for table in report.tables.values()],
        "remarks": [
            {"remark": one.remark, "count": one.count, "example": one.example}
            for one in report.remarks.values()
        ],
        "otherRemarks": report.other_remarks,
        "changed": [
            {
                "executionId": one.execution_id,
                "sessionId": one.session_id,
                "storedStatus": one.stored_status,
                "status": one.status,
            }
            for one in report.changed
        ],
        "changedCount": report.changed_count,
        "withOtherRows": report.other_rows,
        "notes": report.notes,
        "durationMs": report.duration_ms,
    }


def _table(table: TableReport) -> dict[str, Any]:
    return {
        "table": table.table,
        "read": table.rows,
        "made": table.outcomes[RowOutcome.MADE],
        "merged": table.outcomes[RowOutcome.MERGED],
        "alreadyThere": table.outcomes[RowOutcome.ALREADY_THERE],
        "skipped": table.outcomes[RowOutcome.SKIPPED],
        "unread": table.unread,
        "reasons": dict(table.skipped.most_common()),
    }


def _print(console: Console, report: DatabaseReport) -> None:
    console.print(_line(Text(printable(report.path), style="bold")), soft_wrap=True)
    table = Rows("table", "read", "made", "merged", "already there", "skipped", "why")
    for one in report.tables.values():
        counts = (one.rows, *(one.outcomes[outcome] for outcome in RowOutcome))
        why = [f"{number:,}: {reason}" for reason, number in one.skipped.most_common()]
        if one.unread:
            why.append(f"{one.unread:,} could not be read")
        cells = (f"{count:,}" if count else UNKNOWN for count in counts)
        table.add_row(one.table, *cells, Text(printable("\n".join(why), keep="\n")))
    console.print(table)
    _print_remarks(console, report)
    verb = "Would make" if report.dry_run else "Made"
    by_status = ", ".join(f"{number:,} {status}" for status, number in sorted(report.statuses.items()))
    there = report.executions_already_there
    line = f"{verb} {report.executions:,} executions" + (f" ({by_status})" if by_status else "")
    line += f"; {there:,} were there already" if there else ""
    console.print(Text(f"{line}, in {milliseconds(report.duration_ms)}"), soft_wrap=True)
    if report.dry_run:
        console.print("Nothing was written: leave out --dry-run to do it.")


def _print_remarks(console: Console, report: DatabaseReport) -> None:
    for note in report.notes:
        console.print(Text(printable(note), style="yellow"), soft_wrap=True)
    remarks = sorted(report.remarks.values(), key=lambda one: -one.count)
    for one in remarks[:SHOWN_REMARKS]:
        line = f"{one.count:,} × {one.remark} (first: {one.example})"
        console.print(Text(printable(line), style="dim"), soft_wrap=True)
    if (more := len(remarks) - SHOWN_REMARKS) > 0 or report.other_remarks:
        kinds = max(more, 0)
        console.print(_line(Text(f"… and {kinds:,} other remarks; --json prints them", style="dim")))
    for changed in report.changed[:SHOWN_CHANGED]:
        console.print(
            Text(
                printable(
                    f"{changed.session_id} stays {changed.stored_status}: by now the database says "
                    f"{changed.status}, but what has ended never changes"
                ),
                style="yellow",
            ),
            soft_wrap=True,
        )
    if (unshown := report.changed_count - SHOWN_CHANGED) > 0:
        console.print(Text(f"… and {unshown:,} others that stay as they are", style="yellow"))
    if report.other_rows:
        line = f"{report.other_rows:,} executions stay as they are, though their rows have changed since"
        console.print(Text(line, style="dim"), soft_wrap=True)


def _line(text: Text) -> Text:
    text.overflow = "fold"
    return text
