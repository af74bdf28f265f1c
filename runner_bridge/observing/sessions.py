"""Observed session files: each is stored once it is complete, and taken again when it changes.

A writer may write a file in pieces: a file that cannot be used is looked at again when it changes, and is reported
as a failure only when it has not changed for STILL_S. A file of an execution that runs here is left to its
supervision and looked at again after the end, when it is the result or a conflict.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner_bridge.formats.file_names import session_of_file
from runner_bridge.formats.paths import Directory
from runner_bridge.ingest_failures import display, place_of
from runner_bridge.observing import directory
from runner_bridge.observing.directory import Signature
from runner_bridge.observing.isolation import take_isolated
from runner_bridge.sessions.reports import FileReport, ImportOutcome, record_problems
from runner_bridge.sessions.session_ingest import SessionIngest
from store.executions import ingest_problems
from store.postgres.database import Database

STILL_S = 2.0
"""A writer that pauses longer in the middle of a file is considered gone."""

AT_ONCE = 400
"""Files taken together: enough for reading and storing to overlap, few enough to keep a new file's wait short."""

BIG_BYTES = 256 * 1024
LONGEST_PAUSE_S = 1.0
"""A big file that grows is read again after pauses of twice the reading time, up to this."""

AWAIT_END_S = 10.0
"""Between looks at a file of an execution that runs here, which its supervision reads at the end."""


@dataclass
class _Open:
    """A file that is to be looked at: when it last changed, and when it is due, both on the monotonic clock."""

    signature: Signature
    since: float
    due: float
    not_before: float = 0.0


class ObservedSessions:
    """One directory's session files."""

    def __init__(self, db: Database, root: Path) -> None:
        self._db = db
        self._root = root
        self._place = place_of(root)
        self._ingest = SessionIngest(db, Directory(root))
        self._settled: dict[str, Signature] = {}
        self._open: dict[str, _Open] = {}
        self._bad: dict[str, str] = {}
        self._urgent: set[str] = set()

    @property
    def next_due(self) -> float:
        """When the next file is due, on the monotonic clock; infinity when none is."""
        return min((one.due for one in self._open.values()), default=float("inf"))

    def reason_of(self, name: str) -> str | None:
        """Why a file that is there cannot be used."""
        return self._bad.get(name)

    def is_open(self, name: str) -> bool:
        """Whether the file is there and not done with."""
        return name in self._open

    async def see_all(self, found: Mapping[str, Signature]) -> None:
        """Takes note of every file of the directory, and of those that are gone."""
        present = {name: one for name, one in found.items() if session_of_file(name) is not None}
        self._note(present)
        gone = (self._settled.keys() | self._open.keys()) - present.keys()
        failing = await ingest_problems.failing_files(self._db, self._place)
        await self._forget(gone, failing - {display(name) for name in found})

    async def see(self, names: Iterable[str]) -> None:
        """Takes note of these files, which changed; they are taken before others."""
        wanted = [name for name in names if session_of_file(name) is not None]
        if not wanted:
            return
        found = await asyncio.to_thread(directory.look, self._root, wanted)
        self._urgent |= self._note(found)
        known = self._settled.keys() | self._open.keys()
        gone = [name for name in wanted if name not in found and name in known]
        await self._forget(gone, {display(name) for name in gone if name in self._bad})

    def due(self) -> list[str]:
        """The files to take next, what changed just now first."""
        now = time.monotonic()
        urgent = [name for name in self._urgent if name in self._open and self._open[name].due <= now]
        others = sorted(name for name, one in self._open.items() if one.due <= now)
        return list(dict.fromkeys((*urgent, *others)))[:AT_ONCE]

    async def take(self, names: list[str]) -> dict[str, FileReport]:
        """Stores these files. Reports those that are done with, by name."""
        began = time.monotonic()
        reports = await take_isolated(names, self._run)
        self._urgent.difference_update(names)
        took = time.monotonic() - began
        done = {
            name: report
            for name, report in reports.items()
            if self._settle(name, report, min(LONGEST_PAUSE_S, 2 * took))
        }
        await record_problems(self._db, self._place, list(done.values()))
        return done

    async def _run(self, names: Sequence[str]) -> dict[str, FileReport]:
        return dict(zip(names, await self._ingest.run(names), strict=True))

    def _note(self, found: Mapping[str, Signature]) -> set[str]:
        """The files that are new or changed."""
        now, changed = time.monotonic(), set()
        for name, signature in found.items():
            known = self._open.get(name)
            if known is None and self._settled.get(name) != signature:
                self._settled.pop(name, None)
                self._open[name] = _Open(signature, now, _first_look(signature, now))
                changed.add(name)
            elif known is not None and known.signature != signature:
                known.signature, known.since = signature, now
                known.due = max(_first_look(signature, now), known.not_before)
                changed.add(name)
        return changed

    def _settle(self, name: str, report: FileReport, pause_s: float) -> bool:
        """Whether the file is done with until it changes; if not, sets when it is due again."""
        now, one = time.monotonic(), self._open[name]
        if report.awaits_end:
            one.due = now + AWAIT_END_S
            return False
        is_bad = report.outcome is ImportOutcome.FAILED
        if is_bad and not _is_still(one, now):
            one.not_before = now + (pause_s if one.signature.size > BIG_BYTES else 0.0)
            one.due = max(one.since + STILL_S, one.not_before)
            return False
        del self._open[name]
        self._settled[name] = one.signature
        self._bad.pop(name, None)
        if is_bad:
            self._bad[name] = report.reason or "it cannot be used"
        return True

    async def _forget(self, gone: Iterable[str], failing: Iterable[str]) -> None:
        for name in gone:
            self._settled.pop(name, None)
            self._open.pop(name, None)
            self._bad.pop(name, None)
            self._urgent.discard(name)
        await ingest_problems.clear_failures(self._db, self._place, sorted(failing))


def _first_look(signature: Signature, now: float) -> float:
    """When a file that has just changed is due: an empty one is probably being written."""
    is_empty = signature.is_regular and signature.size == 0
    return now + STILL_S if is_empty and time.time() - signature.changed_at < STILL_S else now


def _is_still(one: _Open, now: float) -> bool:
    """Whether the file has not changed for STILL_S, as observed or as the file system says."""
    return now - one.since >= STILL_S or time.time() - one.signature.changed_at >= STILL_S
