"""The session files of an observed directory: each is brought in once it is whole, and again when it changes.

A writer may truncate and write: what cannot be used yet is looked at again when it changes, and is reported
by name only when it has been still for STILL_S. A file of an execution that runs here is left to its
supervision, and looked at once more after its end: what it says then is the result, or a conflict.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from runner_bridge.formats.paths import Directory
from runner_bridge.ingest_failures import display, place_of
from runner_bridge.observing import directory
from runner_bridge.observing.directory import Signature
from runner_bridge.sessions.ingest import Ingest, record_problems
from runner_bridge.sessions.names import session_of_file
from runner_bridge.sessions.reports import FileReport, ImportOutcome
from store.executions import ingest_problems
from store.postgres.database import Database

STILL_S = 2.0
"""A writer that pauses longer in the middle of a file is taken for gone."""

AT_ONCE = 400
"""Files taken together: enough that reading and storing overlap, few enough that a new one waits not long."""

BIG_BYTES = 256 * 1024
LONGEST_PAUSE_S = 1.0
"""A big file that grows is not read again at each growth: pauses are twice what reading took, up to this."""

AWAIT_END_S = 10.0
"""Between looks at a file of an execution that runs here: its supervision reads it, this is for a second one."""


@dataclass
class _Open:
    """A file that is not done with: when it was last seen to change, and when to look at it (monotonic)."""

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
        self._settled: dict[str, Signature] = {}
        self._open: dict[str, _Open] = {}
        self._bad: dict[str, str] = {}
        self._urgent: set[str] = set()

    @property
    def next_due(self) -> float:
        """When there is something to do next, on the monotonic clock; never if nothing is open."""
        return min((one.due for one in self._open.values()), default=float("inf"))

    def reason_of(self, name: str) -> str | None:
        """Why a file that is there cannot be used."""
        return self._bad.get(name)

    def is_open(self, name: str) -> bool:
        """Whether the file is there and not done with."""
        return name in self._open

    async def see_all(self, found: Mapping[str, Signature]) -> None:
        """Takes note of everything that lies in the directory, and of what is gone."""
        present = {name: one for name, one in found.items() if session_of_file(name) is not None}
        self._note(present)
        gone = (self._settled.keys() | self._open.keys()) - present.keys()
        failing = await ingest_problems.failing_files(self._db, self._place)
        await self._forget(gone, failing - {display(name) for name in found})

    async def see(self, names: Iterable[str]) -> None:
        """Takes note of what became of these files; they are looked at before others."""
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
        """Brings these files in. Reports those that are done with, by their names."""
        began = time.monotonic()
        reports = await Ingest(self._db, Directory(self._root)).run(names)
        self._urgent.difference_update(names)
        took = time.monotonic() - began
        done = {
            name: report
            for name, report in zip(names, reports, strict=True)
            if self._settle(name, report, min(LONGEST_PAUSE_S, 2 * took))
        }
        await record_problems(self._db, self._place, list(done.values()))
        return done

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
        """Whether the file is done with until it changes; otherwise when it is looked at again."""
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
    """When to look at a file that has just changed: an empty one was truncated to be written that moment."""
    is_empty = signature.is_regular and signature.size == 0
    return now + STILL_S if is_empty and time.time() - signature.changed_at < STILL_S else now


def _is_still(one: _Open, now: float) -> bool:
    """Whether nothing was written for a while: as we saw it, or as the file system says of a file found."""
    return now - one.since >= STILL_S or time.time() - one.signature.changed_at >= STILL_S
