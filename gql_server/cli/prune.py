"""`reev-gql prune`: prints what retention would delete, and deletes it with --yes; it opens the database itself.

It can be interrupted at any time and started again: what is deleted stays deleted, and it goes on from there.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import AsyncIterator
from dataclasses import asdict

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from gql_server.cli.errors import wrong_use
from gql_server.cli.views.json_lines import emit
from gql_server.cli.views.live_view import new_console
from gql_server.process.startup import database_server
from gql_server.settings.settings import Settings
from runner_bridge.worker.retention import PrunedFiles, remove_files
from store.executions import days, retention
from store.executions.days import Days
from store.executions.retention import MIN_AGE, Bulk
from store.postgres.database import Database
from store.postgres.migrate import check
from store.records import record
from store.webhooks import deliveries

_AGE = re.compile(r"(\d+)\s*([hdw])")
_UNITS = {"h": dt.timedelta(hours=1), "d": dt.timedelta(days=1), "w": dt.timedelta(weeks=1)}

KINDS = {
    "events": "events of tool calls, messages and progress",
    "steps": "steps",
    "tool_calls": "tool calls",
    "results": "results",
    "output_bytes": "output",
    "tool_log_bytes": "lines of tool logs",
    "messages": "messages of conversations",
}


@record
class PruneOptions:
    """The options of the command line."""

    age: dt.timedelta
    files: bool
    delete: bool
    as_json: bool


@record
class Deleted:
    """What was deleted, or would be."""

    bulk: Bulk
    """Of executions one by one."""
    days: list[Days]
    """Whole tables."""
    files: PrunedFiles
    deliveries: int

    def __bool__(self) -> bool:
        return bool(self.bulk.executions or self.days or self.files.count or self.deliveries)


def parse_age(text: str) -> dt.timedelta:
    """`90d`, `12w` or `36h` as a duration; raises CliError."""
    match = _AGE.fullmatch(text.strip().lower())
    if match is None:
        raise wrong_use(f"--older-than is a number and h, d or w, as in 90d, not {text!r}")
    try:
        age = int(match[1]) * _UNITS[match[2]]
    except OverflowError:
        raise wrong_use("--older-than is longer than time itself") from None
    if not MIN_AGE <= age < dt.timedelta(days=36_500):
        raise wrong_use("--older-than is at least 1h and at most 100 years")
    return age


async def prune(settings: Settings, options: PruneOptions) -> None:
    """Measures or deletes, and prints the sum."""
    console = new_console()
    async with database_server(settings) as url:
        await check(url)
        db = await Database.open(url, max_size=2)
        try:
            before = await retention.cutoff(db, options.age)
            whole = await _days(db, before, delete=options.delete)
            total, ids = await _through_all(db, before, options, console)
            files = PrunedFiles()
            if options.files:
                files = await remove_files(
                    *(db, settings.runner, before),
                    dry_run=not options.delete,
                    due=lambda one: one in ids or any(each.have(one) for each in whole),
                )
            told = await _deliveries(db, before, delete=options.delete)
        finally:
            await db.close()
    _print(console, options, before, Deleted(total, whole, files, told))


async def _days(db: Database, before: dt.datetime, *, delete: bool) -> list[Days]:
    """The days whose tables are due."""
    if not delete:
        return await days.due(db, before)
    dropped = []
    if await days.may_make(db):
        while (one := await days.drop(db, before)) is not None:
            dropped.append(one)
        while await days.clean_up(db):
            pass
    return dropped


async def _deliveries(db: Database, before: dt.datetime, *, delete: bool) -> int:
    """How many deliveries of webhooks ended before."""
    return await (deliveries.prune if delete else deliveries.count_ended)(db, before)


async def _through_all(
    db: Database, before: dt.datetime, options: PruneOptions, console: Console
) -> tuple[Bulk, set[object]]:
    total, ids = Bulk(), set[object]()
    verb = "deleting" if options.delete else "measuring"
    progress = Progress(
        *(TextColumn(verb), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()),
        console=console,
        transient=True,
        disable=options.as_json or not console.is_terminal,
    )
    with progress:
        bar = progress.add_task(verb, total=await retention.count_due(db, before))
        async for batch, due in _batches(db, before, delete=options.delete):
            total += batch
            ids.update(due)
            progress.advance(bar, batch.executions)
    return total, ids


async def _batches(
    db: Database, before: dt.datetime, *, delete: bool
) -> AsyncIterator[tuple[Bulk, list[object]]]:
    if delete:
        while (deleted := await retention.prune(db, before)) is not None:
            yield deleted, []
        return
    place = await retention.start(db)
    while (measured := await retention.measure(db, before, place)) is not None:
        yield measured.bulk, list(measured.ids)
        place = measured.progress


def _print(console: Console, options: PruneOptions, before: dt.datetime, gone: Deleted) -> None:
    if options.as_json:
        emit(_as_json(options, before, gone))
        return
    when = f"ended before {before:%Y-%m-%d %H:%M} UTC"
    if not gone:
        console.print(f"Nothing to delete: the bulk of every execution that {when} is gone already.")
        return
    verb = "Deleted" if options.delete else "Would delete"
    for each in gone.days:
        console.print(
            f"{verb} the tables of {each.first_day} to {each.last_day} (UTC) with {decimal(each.bytes)} "
            f"of {each.executions:,} executions.",
            soft_wrap=True,
        )
    if gone.bulk.executions or gone.deliveries or gone.files.count:
        _print_rest(console, options, verb, when, gone)
    console.print("Rows, scores, failures, changes of status and performance figures stay.", soft_wrap=True)
    if not options.delete:
        console.print("Nothing was deleted: add --yes to do it.")


def _print_rest(console: Console, options: PruneOptions, verb: str, when: str, gone: Deleted) -> None:
    total = gone.bulk
    console.print(f"{verb} the bulk of {total.executions:,} executions that {when}:", soft_wrap=True)
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for name, words in KINDS.items():
        number = getattr(total, name)
        table.add_row(decimal(number) if name.endswith("_bytes") else f"{number:,}", words)
    table.add_row(decimal(total.bytes), "of content in the database, as it is stored")
    if gone.deliveries:
        table.add_row(f"{gone.deliveries:,}", "deliveries of webhooks")
    if options.files:
        table.add_row(
            f"{gone.files.count:,}",
            f"files of theirs in this machine's directories, {decimal(gone.files.bytes)}",
        )
    console.print(table)


def _as_json(options: PruneOptions, before: dt.datetime, gone: Deleted) -> dict[str, object]:
    return (
        {"deleted": options.delete, "endedBefore": before.isoformat()}
        | {_camel(name): value for name, value in asdict(gone.bulk).items()}
        | {
            "days": [
                {
                    "firstDay": each.first_day.isoformat(),
                    "lastDay": each.last_day.isoformat(),
                    "executions": each.executions,
                    "bytes": each.bytes,
                }
                for each in gone.days
            ],
            "webhookDeliveries": gone.deliveries,
        }
        | ({"files": gone.files.count, "fileBytes": gone.files.bytes} if options.files else {})
    )


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
