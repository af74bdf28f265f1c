"""Applies retention: in a worker now and then, or once for a command; and removes the files of pruned executions.

These are the files of executions that this program started: output, session file, tool log and transcript, in the
configured directories. Each machine removes its own files, wherever the database was pruned. Files of observed
runners stay. Removing files is a setting of its own, because a session file may be the only copy.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from runner_bridge.formats.file_names import (
    own_directory,
    session_file_name,
    session_of_file,
    tool_log_name,
    transcript_name,
)
from runner_bridge.launchers.runner_config import RunnerConfig
from store.errors import DatabaseContended, RetentionBusy, StoreError
from store.executions import days, retention, state_machine
from store.executions.retention import Bulk
from store.model import ExecutionId, ExecutionOrigin
from store.postgres.database import Database
from store.records import record
from store.webhooks import deliveries

FIRST_PASS_S = 60.0
"""Not just after the start, when a worker has other work."""

BETWEEN_PASSES_S = 3600.0
"""Ages are given in days, so an hour does not matter."""

BETWEEN_BATCHES_S = 0.05
"""Leaves the database to other work between two batches."""

IDS_AT_ONCE = 500

log = logging.getLogger(__name__)


@record
class PrunedFiles:
    """Number and total size of files of pruned executions."""

    count: int = 0
    bytes: int = 0


@record
class RetentionPolicy:
    """What a worker applies: executions older than `age` are pruned, with `files` their files too."""

    age: dt.timedelta
    files: bool = False


async def keep_pruning(
    db: Database,
    config: RunnerConfig,
    policy: RetentionPolicy,
    *,
    first_pass_s: float = FIRST_PASS_S,
    between_passes_s: float = BETWEEN_PASSES_S,
) -> None:
    """A pass now and then, until cancelled; errors are logged, and the next pass tries again."""
    pause_s = first_pass_s
    while True:
        await asyncio.sleep(pause_s)
        pause_s = between_passes_s
        try:
            await _pass(db, config, policy)
        except RetentionBusy:
            log.debug("another worker applies retention")
        except (StoreError, OSError) as error:
            log.warning("retention is put off: %s", error)
        except Exception:
            # Whatever it was: if this task ended, the database would grow for ever, and nothing would show it.
            log.exception("retention failed and is tried again")


async def _pass(db: Database, config: RunnerConfig, policy: RetentionPolicy) -> None:
    began, total = time.monotonic(), Bulk()
    before = await retention.cutoff(db, policy.age)
    await _keep_by_days(db, policy.age, before)
    while (batch := await retention.prune(db, before)) is not None:
        total += batch
        await asyncio.sleep(BETWEEN_BATCHES_S)
    if total.executions:
        log.info(
            "retention deleted the bulk of %d executions that ended before %s: %d bytes in %.1f s",
            *(total.executions, before.isoformat(timespec="seconds"), total.bytes, time.monotonic() - began),
        )
    await deliveries.prune(db, before)
    if policy.files:
        files = await remove_files(db, config, before)
        if files.count:
            log.info("retention removed %d files, %d bytes", files.count, files.bytes)


async def _keep_by_days(db: Database, age: dt.timedelta, before: dt.datetime) -> None:
    """What is requested while there are no tables of its day is pruned one by one when its time has come."""
    if not await days.may_make(db):
        log.info(
            "no tables of days: the role of the database does not own the others; rows are deleted instead"
        )
        return
    await _drop_days(db, before)
    try:
        await days.make_ahead(db, age)
    except DatabaseContended:
        log.info("tables of days are made later: those of before are in use")


async def _drop_days(db: Database, before: dt.datetime) -> None:
    while (dropped := await days.drop(db, before)) is not None:
        log.info(
            "retention dropped the tables of %s to %s: %d executions, %d bytes",
            *(dropped.first_day, dropped.last_day, dropped.executions, dropped.bytes),
        )
    more = True
    while more:
        more = await days.clean_up(db)
        await asyncio.sleep(BETWEEN_BATCHES_S)


async def remove_files(
    db: Database,
    config: RunnerConfig,
    before: dt.datetime,
    *,
    dry_run: bool = False,
    due: Callable[[ExecutionId], bool] = lambda _: False,
) -> PrunedFiles:
    """Removes the files of pruned executions of ours, last written before `before`.

    A dry run only counts, including files of executions for which `due` is true.
    """
    found = await asyncio.to_thread(lambda: list(_old_files(config, before.timestamp())))
    count = size = 0
    for begin in range(0, len(found), IDS_AT_ONCE):
        part = found[begin : begin + IDS_AT_ONCE]
        ids = list({execution_id for execution_id, _, _ in part})
        ours = await _pruned_of_ours(db, ids, due)
        going = [(path, length) for execution_id, path, length in part if execution_id in ours]
        count += len(going)
        size += sum(length for _, length in going)
        if not dry_run:
            await asyncio.to_thread(_remove, [path for path, _ in going])
            await asyncio.to_thread(_remove_empty, config, ours)
    return PrunedFiles(count, size)


async def _pruned_of_ours(
    db: Database, ids: Sequence[ExecutionId], due: Callable[[ExecutionId], bool]
) -> set[ExecutionId]:
    pruned = await retention.pruned_of(db, ids)
    known = await state_machine.get_many(db, [item for item in ids if item in pruned or due(item)])
    return {item for item, row in known.items() if row.origin is ExecutionOrigin.REQUESTED}


def _old_files(config: RunnerConfig, before: float) -> Iterator[tuple[ExecutionId, Path, int]]:
    """Files with names of ours, by execution; no links and no directories."""
    for path in sorted(config.output_dir.glob("*.log")):
        yield from _old_file(path, path.stem, path.name, before)
    for path in sorted(config.sessions_dir.glob(session_file_name("*"))):
        name = session_of_file(path.name) or ""
        yield from _old_file(path, name, session_file_name(name), before)
        for beside in (tool_log_name(name), transcript_name(name)):
            yield from _old_file(path.with_name(beside), name, beside, before)
    for path in sorted(config.sessions_dir.glob(f"*/{session_file_name('*')}")):
        name = path.parent.name
        if path.parent.is_symlink():
            continue
        for file in (path, config.sessions_dir / tool_log_name(name)):
            yield from _old_file(file, name, file.name, before)


def _old_file(path: Path, name: str, expected: str, before: float) -> Iterator[tuple[ExecutionId, Path, int]]:
    try:
        execution_id = ExecutionId(uuid.UUID(name))
        status = path.lstat()
    except (ValueError, OSError):
        return
    is_ours = str(execution_id) == name and path.name == expected
    if is_ours and path.is_file() and not path.is_symlink() and status.st_mtime < before:
        yield execution_id, path, status.st_size


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _remove_empty(config: RunnerConfig, execution_ids: Iterable[ExecutionId]) -> None:
    """Removes directories that runners had of their own, if they are empty."""
    for execution_id in execution_ids:
        with contextlib.suppress(OSError):
            own_directory(config.sessions_dir, str(execution_id)).rmdir()
