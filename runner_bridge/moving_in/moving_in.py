"""Imports reev databases: reads and maps each in a process of its own, and stores what is new.

A repeated import writes nothing: ids that are taken stay as they are. An import that was interrupted goes on when
it is repeated, because what was stored stays stored.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import Path

from runner_bridge.errors import BridgeError
from runner_bridge.formats.paths import Directory
from runner_bridge.moving_in.definitions import FoundDefinition
from runner_bridge.moving_in.mapping import Mapped, Skipped
from runner_bridge.moving_in.reading import Reading
from runner_bridge.moving_in.report import ChangedExecution, DatabaseReport, RowOutcome, TableReport
from runner_bridge.moving_in.session_files import sessions_directory
from runner_bridge.parsing.parser_processes import ParserLost, ParserProcess
from runner_bridge.reev_database.errors import DEFAULT_LIMITS, Limits, Reason, ReevDatabaseError
from store.benchmarks import history
from store.benchmarks.history import OldDefinition
from store.executions import imported
from store.executions.imported import Known
from store.model import ExecutionId, ExecutionOrigin
from store.postgres.database import Database
from store.records import record

OPEN_S = 3_600.0
"""How long copying a database and counting its rows may take; its limits allow 4 GiB."""

Progress = Callable[[DatabaseReport], None]
"""Called after each step with the report as far as it is."""


class ReadingLost(BridgeError):
    """The process that read a database was ended from outside."""


@record
class ReevFile:
    """A database to import. With `within`, its directory as a client may name it, no link below is followed."""

    path: Path
    within: Directory | None = None
    max_bytes: int = DEFAULT_LIMITS.file_bytes
    """Of the file and its log together."""

    @property
    def directory(self) -> Directory:
        if self.within is not None:
            return self.within
        real = self.path.expanduser().resolve()
        return Directory(real.parent.parent, (real.parent.name,) if real.parent.name else ())


async def import_reev_database(
    db: Database,
    file: ReevFile,
    *,
    dry_run: bool = False,
    progress: Progress = lambda _: None,
    scratch: Path | None = None,
) -> DatabaseReport:
    """Imports one database; with `dry_run` only says what that would do.

    Raises ReevDatabaseError when it cannot be read; ReadingLost, and errors of the store, leave what was stored.
    """
    began = time.monotonic()
    now = await imported.clock(db)
    sessions = await asyncio.to_thread(sessions_directory, file.directory)
    # The reader is killed when the import is cancelled: its copy is removed here.
    with _private_directory(scratch) as private:
        async with _reader() as reader:
            report = await _opened(reader, file, sessions, private, now, dry_run=dry_run)
            progress(report)
            while found := await reader.call_on(Reading, Reading.next_definitions):
                await reader.call_on(Reading, Reading.place, await _definitions(db, found, report))
                progress(report)
            async with aclosing(_pieces(db, reader)) as pieces, aclosing(_ahead(pieces)) as ahead:
                async for piece in ahead:
                    await _store(db, piece, report)
                    report.duration_ms = round((time.monotonic() - began) * 1000)
                    progress(report)
            report.notes += await reader.call_on(Reading, Reading.close)
    report.duration_ms = round((time.monotonic() - began) * 1000)
    return report


async def _opened(
    reader: ParserProcess,
    file: ReevFile,
    sessions: Directory | None,
    private: Path,
    now: dt.datetime,
    *,
    dry_run: bool,
) -> DatabaseReport:
    """Copies and opens the database; returns the report as far as it is."""
    limits = Limits(file_bytes=file.max_bytes)
    opened = await reader.call_on(
        Reading, Reading.open, file.path, file.within, limits, sessions, private, now
    )
    tables = {name: TableReport(name, rows) for name, rows in opened.rows.items()}
    report = DatabaseReport(opened.path, opened.sha256, dry_run, tables, [*opened.remarks])
    for table, reason in opened.skipped.items():
        report.skip({table: opened.rows[table]}, reason)
    return report


async def _ahead(pieces: AsyncGenerator[_Piece, None]) -> AsyncGenerator[_Piece, None]:
    """The same pieces; the next one is read and mapped while the caller has one."""
    following = asyncio.ensure_future(anext(pieces, None))
    try:
        while (piece := await following) is not None:
            following = asyncio.ensure_future(anext(pieces, None))
            yield piece
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


@contextmanager
def _private_directory(scratch: Path | None) -> Iterator[Path]:
    where = scratch or Path(tempfile.gettempdir())
    try:
        directory = tempfile.TemporaryDirectory(prefix="reev-gql-import-", dir=where)
    except OSError as error:
        raise ReevDatabaseError(
            Reason.NO_SPACE, f"No directory for a copy can be made in {where}: {error}. Set TMPDIR to another"
        ) from error
    with directory as name:
        yield Path(name)


@asynccontextmanager
async def _reader() -> AsyncIterator[ParserProcess]:
    threads = ThreadPoolExecutor(1, "reev-database")
    reader = ParserProcess(threads, answer_s=OPEN_S)
    try:
        yield reader
    except ParserLost as error:
        raise ReadingLost(
            f"The process that reads the database is gone ({error}): import it again"
        ) from error
    finally:
        reader.kill()
        await asyncio.get_running_loop().run_in_executor(threads, reader.close)
        threads.shutdown(wait=False)


async def _definitions(
    db: Database, found: Sequence[FoundDefinition], report: DatabaseReport
) -> list[int | None]:
    """Stores definitions; returns which revisions they are."""
    old = [OldDefinition(one.draft, one.created_at) for one in found if one.draft is not None]
    placed = iter(await history.add(db, old, dry_run=report.dry_run))
    revisions: list[int | None] = []
    for one in found:
        if one.draft is None:
            report.skip({"benchmarks": 1}, one.problem or "it has no definition")
            revisions.append(None)
            continue
        place = next(placed)
        outcome = RowOutcome.MADE if place.is_new else RowOutcome.ALREADY_THERE
        report.count({"benchmarks": 1}, outcome)
        revisions.append(place.revision)
    return revisions


@record
class _Piece:
    """What is stored together. `known` is what was stored under these ids when the chunk was read.

    `settled` are the rows of executions that are stored already and say nothing new. They are not taken apart.
    """

    mapped: list[Mapped]
    known: Mapping[ExecutionId, Known]
    settled: Sequence[Mapping[str, int]] = ()
    skipped: Sequence[Skipped] = ()
    remarks: Sequence[str] = ()


async def _pieces(db: Database, reader: ParserProcess) -> AsyncGenerator[_Piece, None]:
    while (chunk := await reader.call_on(Reading, Reading.next_chunk)) is not None:
        known = await imported.known(db, [one.id for one in chunk.found])
        settled: list[Mapping[str, int]] = []
        wanted: list[int] = []
        for place, one in enumerate(chunk.found):
            if one.id in known and not _has_changed(one.content_hash, known[one.id]):
                settled.append(one.tally)
            else:
                wanted.append(place)
        mapped = await reader.call_on(Reading, Reading.mapped, wanted)
        yield _Piece(mapped, known, settled, chunk.skipped, chunk.remarks)
        while wanted := wanted[len(mapped) :]:
            mapped = await reader.call_on(Reading, Reading.mapped, wanted)
            yield _Piece(mapped, known)


def _has_changed(content_hash: str, known: Known) -> bool:
    """Whether an execution was imported before, from rows that said something else."""
    return known.origin is ExecutionOrigin.IMPORTED and known.content_hash not in (None, content_hash)


async def _store(db: Database, piece: _Piece, report: DatabaseReport) -> None:
    report.notes += piece.remarks
    for skipped in piece.skipped:
        report.skip(skipped.tally, skipped.reason)
    for tally in piece.settled:
        report.already_there(tally)
    new: dict[ExecutionId, Mapped] = {}
    for one in piece.mapped:
        if (known := piece.known.get(one.observed.id)) is not None:
            _note_known(report, one, known)
        elif one.observed.id in new:
            # Two spellings of one id.
            report.count(one.tally, RowOutcome.ALREADY_THERE)
        else:
            new[one.observed.id] = one
    if report.dry_run:
        written, refused = set(new), dict[ExecutionId, str]()
    else:
        written, refused = await imported.store(db, [one.observed for one in new.values()])
    # By another import, or with the piece before this one, after it was asked what is known.
    meanwhile = new.keys() - written - refused.keys()
    stored = await imported.known(db, [*meanwhile]) if meanwhile else {}
    for execution_id, one in new.items():
        if execution_id in refused:
            report.skip(one.tally, refused[execution_id])
        elif execution_id in meanwhile:
            _note_known(report, one, stored.get(execution_id))
        else:
            report.statuses[one.status] += 1
            report.made(one.tally, one.principal)
            report.remark(one.remarks, one.session_id)


def _note_known(report: DatabaseReport, one: Mapped, known: Known | None) -> None:
    report.already_there(one.tally)
    if known is None or not _has_changed(one.content_hash, known):
        return
    if known.status is one.status:
        report.other_rows += 1
    else:
        report.note_changed(ChangedExecution(str(one.observed.id), one.session_id, known.status, one.status))
