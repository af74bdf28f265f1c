"""Tool logs of runners that nobody here started: each makes an execution that is seen to live while it grows.

The execution is RUNNING, its benchmark and agent unknown, until its session file ends it. When nothing has
been heard of the runner for a set time it ends as LOST, or as RESULT_UNREADABLE when its session file is
there but cannot be used.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.strict_json import load_json
from runner_bridge.formats.times import from_rfc3339
from runner_bridge.observed_directory import Signature, log_stem, session_name
from runner_bridge.observed_files import Candidate, candidate
from runner_bridge.tool_log_tail import FLAGS, ToolLogTail
from runner_bridge.watching import DirectoryWatch
from store import executions, observed, results
from store.database import Database
from store.model import Ending, ExecutionId, ExecutionStatus, Failure, FailureKind, ToolCallStatus, WorkerId
from store.observed import Begun

TOUCH_S = 1.0
"""Between two notes in the database that a runner was heard of."""

FRESH_S = 5.0
"""A log that appears but was last written longer ago was moved here: it can wait for its session file."""

AT_ONCE = 200
"""Logs begun or given up together: a session file that arrives meanwhile waits no longer than for these."""

DRAINS_AT_ONCE = 4
"""Logs that are read at the same time: others want the database too."""

UNHEARD_SLACK_S = 60.0
"""What another observer let stand this much longer than it may has no observer any more."""

FIRST_LINE_BYTES = 64 * 1024

log = logging.getLogger(__name__)


class _Live:
    """A tool log in hand. `heard_at` is on the monotonic clock."""

    def __init__(self, execution_id: ExecutionId, tail: ToolLogTail, silent_s: float) -> None:
        self.id = execution_id
        self.tail = tail
        self.signature: Signature | None = None
        self.heard_at = time.monotonic() - silent_s
        self.touched_at = time.monotonic()

    def see(self, signature: Signature) -> bool:
        """Whether the log changed since it was last seen."""
        if signature == self.signature:
            return False
        if self.signature is not None:
            self.heard_at = time.monotonic()
        self.signature = signature
        return True


class ObservedLogs:
    """One directory's tool logs. `worker_id` is who observes, `idle_s` how long silence may last."""

    def __init__(self, db: Database, watch: DirectoryWatch, worker_id: WorkerId, idle_s: float) -> None:
        self._db = db
        self._watch = watch
        self._worker_id = worker_id
        self._idle_s = idle_s
        self._live: dict[str, _Live] = {}
        self._done: set[str] = set()
        self._unstored: set[str] = set()
        self._untouched: set[str] = set()
        self._new: dict[str, tuple[Candidate, str, Signature]] = {}
        self._next_silent = float("inf")
        """No runner has been silent for too long before this, on the monotonic clock."""

    @property
    def next_due(self) -> float:
        """When there is something to do next, on the monotonic clock."""
        return 0.0 if self._new else self._next_silent

    async def see(self, found: Mapping[str, Signature], *, only_fresh: bool = False) -> None:
        """Notes what is new, and stores what was appended to the others.

        With `only_fresh`, new ones that were not written just now are left to the next scan.
        """
        logs = {name: one for name, one in found.items() if log_stem(name) is not None and one.is_regular}
        # In this order the newer format is taken where a session has logs of both.
        for name in sorted(logs, reverse=True):
            found_as = self._candidate(name)
            if found_as is None or (only_fresh and time.time() - logs[name].changed_at >= FRESH_S):
                continue
            self._new[found_as.stem] = (found_as, name, logs[name])
        changed = {log_stem(name) or "" for name, signature in logs.items() if self._sees(name, signature)}
        self._untouched |= changed
        await self.drain(changed | self._unstored)
        await self._touch()

    async def begin(self, has_session: Callable[[str], bool]) -> None:
        """Begins some of what is new. A log whose session file is there is no news: they come in together."""
        stems = list(self._new)[:AT_ONCE]
        new = {stem: self._new[stem] for stem in stems if not has_session(session_name(stem))}
        if new:
            await self._begin(new)
            await self.drain(new)
        for stem in stems:
            self._new.pop(stem, None)

    async def drain(self, stems: Iterable[str]) -> None:
        """Stores what was appended to the logs of these sessions."""
        wanted = [stem for stem in stems if stem in self._live]
        for begin in range(0, len(wanted), DRAINS_AT_ONCE):
            together = wanted[begin : begin + DRAINS_AT_ONCE]
            await asyncio.gather(*(self._live[stem].tail.drain() for stem in together))
            for stem in together:
                if self._live[stem].tail.has_pending:
                    self._unstored.add(stem)
                else:
                    self._unstored.discard(stem)

    def release(self, stem: str) -> None:
        """The session has ended."""
        self._live.pop(stem, None)
        self._new.pop(stem, None)
        self._done.add(stem)
        self._unstored.discard(stem)
        self._untouched.discard(stem)

    async def review(self, present: Iterable[str]) -> None:
        """Lets go what others have ended, forgets logs that are gone, and ends what nobody observes."""
        stems = {log_stem(name) for name in present}
        self._done = {stem for stem in self._done if stem in stems}
        known = await observed.known(self._db, [live.id for live in self._live.values()])
        for stem, live in list(self._live.items()):
            if live.id not in known or not known[live.id].awaits_session:
                self.release(stem)
        mine = [live.id for live in self._live.values()]
        for execution_id in await observed.unheard(self._db, self._idle_s + UNHEARD_SLACK_S, mine):
            await self._end(execution_id, None)

    async def close_silent(self, reason_of: Callable[[str], str | None]) -> None:
        """Ends those of which nothing was heard for too long. `reason_of` says what is wrong with a file."""
        now = time.monotonic()
        if now < self._next_silent:
            return
        silent = [stem for stem, one in self._live.items() if now - one.heard_at >= self._idle_s]
        for stem in silent[:AT_ONCE]:
            live = self._live[stem]
            await live.tail.conclude()
            await self._end(live.id, reason_of(session_name(stem)))
            self.release(stem)
        self._next_silent = min(
            (one.heard_at + self._idle_s for one in self._live.values()), default=float("inf")
        )

    def _candidate(self, name: str) -> Candidate | None:
        """What a log not met before is of; None when no session can be called so."""
        stem = log_stem(name)
        if stem is None or stem in self._live or stem in self._done:
            return None
        try:
            return candidate(session_name(stem))
        except FormatError:
            return None

    def _sees(self, name: str, signature: Signature) -> bool:
        live = self._live.get(log_stem(name) or "")
        return live is not None and live.tail.path.name == name and live.see(signature)

    async def _begin(self, new: Mapping[str, tuple[Candidate, str, Signature]]) -> None:
        """New executions, and those that a worker which is gone was observing."""
        began = await asyncio.to_thread(_beginnings, self._watch.root, new.values())
        rows = {
            one.execution_id: Begun(one.execution_id, one.session_id, began[name])
            for one, name, _ in new.values()
        }
        begun = await observed.begin(self._db, list(rows.values()), self._worker_id)
        adopted = await observed.adopt(self._db, sorted(rows.keys() - begun), self._worker_id)
        stored = await results.tool_calls_of(self._db, sorted(adopted)) if adopted else {}
        for stem, (found, name, signature) in new.items():
            if found.execution_id not in begun | adopted:
                self._done.add(stem)
                continue
            known = {call.ordinal: call.status for call in stored.get(found.execution_id, ())}
            live = self._live[stem] = self._in_hand(found, name, signature, known)
            live.see(signature)
            self._next_silent = min(self._next_silent, live.heard_at + self._idle_s)

    def _in_hand(
        self, found: Candidate, name: str, signature: Signature, known: Mapping[int, ToolCallStatus]
    ) -> _Live:
        execution_id = found.execution_id
        tail = ToolLogTail(
            *(self._db, execution_id, self._watch, known, {}),
            name=name,
            session_id=found.stem,
            owner=self._worker_id,
        )
        return _Live(execution_id, tail, max(0.0, time.time() - signature.changed_at))

    async def _touch(self) -> None:
        now = time.monotonic()
        due = [stem for stem in self._untouched if now - self._live[stem].touched_at >= TOUCH_S]
        await observed.touch(self._db, [self._live[stem].id for stem in due])
        for stem in due:
            self._live[stem].touched_at = now
            self._untouched.discard(stem)

    async def _end(self, execution_id: ExecutionId, reason: str | None) -> None:
        silence = f"Nothing was heard of its runner for {self._idle_s:g} s"
        if reason is None:
            failure = Failure(FailureKind.LOST, f"{silence}, and it left no session file")
            ending = Ending(ExecutionStatus.LOST, failure)
        else:
            failure = Failure(
                FailureKind.RESULT_UNREADABLE, f"{silence}, and its session file cannot be used: {reason}"
            )
            ending = Ending(ExecutionStatus.FAILED, failure)
        if await executions.finish(self._db, execution_id, ending) is not None:
            about = {"execution_id": str(execution_id)}
            log.warning("an observed execution was given up: %s", failure.message, extra=about)


def _beginnings(root: Path, logs: Iterable[tuple[Candidate, str, Signature]]) -> dict[str, dt.datetime]:
    return {name: _beginning(root / name, signature) for _, name, signature in logs}


def _beginning(path: Path, signature: Signature) -> dt.datetime:
    """The first moment that a log tells of; the last one it was written in when it tells of none."""
    written = dt.datetime.fromtimestamp(signature.changed_at, dt.UTC)
    try:
        descriptor = os.open(path, FLAGS)
        try:
            first = os.pread(descriptor, FIRST_LINE_BYTES, 0).partition(b"\n")[0]
        finally:
            os.close(descriptor)
        event = load_json(first, "line", max_bytes=FIRST_LINE_BYTES)
    except (OSError, FormatError):
        return written
    told = from_rfc3339(event.get("timestamp")) if isinstance(event, dict) else None
    return told or written
