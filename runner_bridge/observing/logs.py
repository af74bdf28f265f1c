"""Observed tool logs: each makes an execution of a runner that others started, and is followed while it grows.

The transcript of such an execution is followed beside it; one without a tool log waits for a session file.

The execution is RUNNING, its benchmark and agent unknown, until its session file ends it. When its log has
been silent for a set time it is given up: LOST, or RESULT_UNREADABLE when its session file is there but
cannot be used. A log that arrives or grows after the end of an execution is added to it. A log without a
usable line makes no execution and is reported as a failure.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.file_names import (
    format_rank,
    session_file_name,
    session_of_log,
    session_of_transcript,
    transcript_name,
)
from runner_bridge.formats.paths import Directory
from runner_bridge.ingest_failures import display, place_of, record_failures
from runner_bridge.observing import directory
from runner_bridge.observing.directory import Signature
from runner_bridge.observing.isolation import OF_EVERY_FILE, failed, take_isolated
from runner_bridge.sessions.endings import end_of_silence
from runner_bridge.sessions.late_files import EnvironmentOf
from runner_bridge.sessions.named_session import NamedSession, named_session
from runner_bridge.sessions.reports import FileReport, record_problems
from runner_bridge.sessions.tool_log_ingest import ToolLogIngest
from runner_bridge.sessions.transcript_ingest import TranscriptIngest
from runner_bridge.tool_logs.content import failures_of
from runner_bridge.tool_logs.file_tail import FileTail
from runner_bridge.tool_logs.log_file import ToolLogFile, peek_tool_log
from runner_bridge.tool_logs.tail import ToolLogTail
from runner_bridge.tool_logs.transcript_tail import TranscriptTail
from store.executions import observed, results
from store.executions.ingest_problems import FoundFailure
from store.executions.observed import Begun
from store.model import ExecutionId, ToolCallStatus, WorkerId
from store.postgres.database import Database
from store.records import record

TOUCH_S = 1.0
"""Between two updates of an execution's last activity."""

FRESH_S = 5.0
"""A new log that was last written longer ago was moved here; it waits for the next scan and its session file."""

AT_ONCE = 200
"""Logs taken together, few enough that a session file that arrives meanwhile does not wait long."""

DRAINS_AT_ONCE = 4
"""Logs that are read at the same time, few enough to leave the database to others."""

AWAIT_END_S = 10.0
"""Between looks at the log of an execution that runs here, which its supervision reads until its end."""

AGAIN_S = 1.0
"""How long a growing log without a usable line waits to be looked at again."""

UNHEARD_SLACK_S = 60.0
"""An execution that is silent for this much longer than allowed has lost its observer."""

logger = logging.getLogger(__name__)


class _Live:
    """A log and transcript that are followed. `heard_at`, when one last changed, is on the monotonic clock."""

    def __init__(self, found: NamedSession, tails: Sequence[FileTail], signature: Signature) -> None:
        self.id = found.execution_id
        self.name = found.name
        self.names = tuple(tail.file.name for tail in tails)
        self.tails = tails
        self._seen = {found.name: signature}
        self.heard_at = time.monotonic() - max(0.0, time.time() - signature.changed_at)
        self.touched_at = time.monotonic()
        self.is_broken = False
        """Whether nothing more of it can be stored."""

    @property
    def signature(self) -> Signature:
        """The log's."""
        return self._seen[self.name]

    @property
    def has_pending(self) -> bool:
        return not self.is_broken and any(tail.has_pending for tail in self.tails)

    def see(self, name: str, signature: Signature) -> bool:
        """Whether the file is one of these, and changed since it was last seen."""
        if name not in self.names or signature == self._seen.get(name):
            return False
        self._seen[name], self.heard_at = signature, time.monotonic()
        return True

    async def drain(self) -> None:
        """Stores what was appended to them."""
        for tail in self.tails:
            await tail.drain()

    async def conclude(self) -> None:
        """Stores what is left of them."""
        for tail in self.tails:
            await tail.conclude()
            await tail.flush()


@record
class _Waiting:
    """A log that is to be looked at, not before `due` on the monotonic clock."""

    found: NamedSession
    signature: Signature
    due: float = 0.0


class ObservedLogs:
    """One directory's tool logs. `idle_s` is how many seconds of silence are allowed."""

    def __init__(
        self, db: Database, root: Path, worker_id: WorkerId, idle_s: float, environment_of: EnvironmentOf
    ) -> None:
        self._db = db
        self._directory = Directory(root)
        self._place = place_of(root)
        self._ended = ToolLogIngest(db, self._directory, environment_of)
        self._transcripts = TranscriptIngest(db, self._directory, environment_of)
        self._worker_id = worker_id
        self._idle_s = idle_s
        self._live: dict[str, _Live] = {}
        """By session id."""
        self._waiting: dict[str, _Waiting] = {}
        """By name, like what follows."""
        self._settled: dict[str, Signature] = {}
        self._unusable: set[str] = set()
        self._unstored: set[str] = set()
        self._untouched: set[str] = set()
        self._next_silent = float("inf")
        """When the next runner can have been silent for too long, on the monotonic clock."""

    @property
    def next_due(self) -> float:
        """When there is something to do next, on the monotonic clock."""
        return min((one.due for one in self._waiting.values()), default=self._next_silent)

    async def see(self, found: Mapping[str, Signature], *, only_fresh: bool = False) -> None:
        """Notes what is new or changed, and stores what was appended to those that are followed.

        With `only_fresh`, new ones that were not written just now are left to the next scan.
        """
        changed = set()
        for name in sorted(found, key=format_rank):
            session_id = session_of_log(name) or session_of_transcript(name)
            if session_id is None:
                continue
            live = self._live.get(session_id)
            if live is not None:
                if live.see(name, found[name]):
                    changed.add(session_id)
            elif not (only_fresh and time.time() - found[name].changed_at >= FRESH_S):
                await self._note(name, session_id, found[name])
        self._untouched |= changed
        await self.drain(changed | self._unstored)
        await self._touch()

    async def take(self, is_open: Callable[[str], bool]) -> None:
        """Begins, or adds to what has ended, some of what waits. `is_open` says whether a session file is not
        done with: then the log comes in together with it, or after it.
        """
        now = time.monotonic()
        due = [one for one in self._waiting.values() if one.due <= now][:AT_ONCE]
        if not due:
            return
        for one in due:
            if is_open(session_file_name(one.found.session_id)):
                self._wait(one, AWAIT_END_S)
        due = [one for one in due if self._waiting.get(one.found.name) is one]
        transcripts = [one for one in due if session_of_transcript(one.found.name) is not None]
        logs = [one for one in due if one not in transcripts]
        reports = await take_isolated([one.found.name for one in logs], self._ended.run)
        reports |= await take_isolated([one.found.name for one in transcripts], self._transcripts.run)
        for one in due:
            if (report := reports.get(one.found.name)) is None:
                continue
            if report.awaits_end:
                self._wait(one, AWAIT_END_S)
            else:
                self._settle(one.found.name, one.signature)
        done = [report for report in reports.values() if not report.awaits_end]
        await record_problems(self._db, self._place, done)
        for one in transcripts:
            if one.found.name not in reports:
                # Of no execution yet: the session file that makes one brings it back.
                self._settle(one.found.name, one.signature)
        begun = await self._begin([one for one in logs if one.found.name not in reports])
        await self.drain(begun)

    async def drain(self, session_ids: Iterable[str]) -> None:
        """Stores what was appended to the logs of these sessions."""
        wanted = [session_id for session_id in session_ids if session_id in self._live]
        for begin in range(0, len(wanted), DRAINS_AT_ONCE):
            together = wanted[begin : begin + DRAINS_AT_ONCE]
            await asyncio.gather(*(self._isolated(self._live[one], _Live.drain) for one in together))
            for one in together:
                if self._live[one].has_pending:
                    self._unstored.add(one)
                else:
                    self._unstored.discard(one)

    def note_session(self, session_id: str, report: FileReport) -> None:
        """A session file is done with: what it ended is followed no longer, and what waited for it is due."""
        if report.execution_id is not None and (live := self._release(session_id)) is not None:
            self._settle(live.name, live.signature)
        for name, one in list(self._waiting.items()):
            if one.found.session_id != session_id:
                continue
            if report.log is not None and report.log.file == one.found.file:
                self._settle(name, one.signature)
            else:
                self._wait(one, 0.0)
        transcript = transcript_name(session_id)
        if report.execution_id is not None and (signature := self._settled.pop(transcript, None)) is not None:
            self._waiting[transcript] = _Waiting(named_session(transcript, session_id), signature)

    async def review(self, present: Mapping[str, Signature]) -> None:
        """Stops following what has ended, forgets logs that are gone, and gives up what has no observer."""
        for kept in (self._settled, self._waiting):
            for name in [name for name in kept if name not in present]:
                kept.pop(name, None)
        self._unusable &= present.keys()
        known = await observed.known(self._db, [live.id for live in self._live.values()])
        for session_id, live in list(self._live.items()):
            if live.id not in known or known[live.id].status.is_terminal:
                self._release(session_id)
        mine = [live.id for live in self._live.values()]
        for execution_id in await observed.unheard(self._db, self._idle_s + UNHEARD_SLACK_S, mine):
            await self._give_up(execution_id, None, None)

    async def close_silent(self, reason_of: Callable[[str], str | None]) -> None:
        """Gives up runners that were silent for too long. `reason_of` tells what is wrong with a session file."""
        now = time.monotonic()
        if now < self._next_silent:
            return
        silent = [one for one, live in self._live.items() if now - live.heard_at >= self._idle_s][:AT_ONCE]
        # A busy loop may not have noticed their last changes.
        names = [name for one in silent for name in self._live[one].names]
        await self.see(await asyncio.to_thread(directory.look, self._directory.path, names))
        for session_id in silent:
            live = self._live[session_id]
            if live.heard_at > now:
                continue
            await self._isolated(live, _Live.conclude)
            heard_at = dt.datetime.fromtimestamp(live.signature.changed_at, dt.UTC)
            await self._give_up(live.id, reason_of(session_file_name(session_id)), heard_at)
            self._release(session_id)
            self._settle(live.name, live.signature)
        self._next_silent = min(
            (one.heard_at + self._idle_s for one in self._live.values()), default=float("inf")
        )

    async def _isolated(self, live: _Live, work: Callable[[_Live], Awaitable[None]]) -> None:
        """Does it unless something failed with this one before: then only its silence or session file ends it."""
        if live.is_broken:
            return
        try:
            await work(live)
        except OF_EVERY_FILE:
            raise
        except Exception as error:
            live.is_broken = True
            failure = FoundFailure(display(live.name), None, None, failed(live.name, error), None)
            await record_failures(self._db, self._place, [live.name], [failure])

    async def _note(self, name: str, session_id: str, signature: Signature) -> None:
        """Puts a new or changed log among those that wait to be looked at."""
        if self._settled.get(name) == signature:
            return
        known = self._waiting.get(name)
        if known is not None:
            self._waiting[name] = _Waiting(known.found, signature, known.due)
            return
        try:
            found = named_session(name, session_id)
        except FormatError as error:
            failure = FoundFailure(display(name), None, None, error.message, None)
            await record_failures(self._db, self._place, [name], [failure])
            self._settle(name, signature)
            return
        due = time.monotonic() + AGAIN_S if name in self._unusable else 0.0
        self._waiting[name] = _Waiting(found, signature, due)

    def _wait(self, one: _Waiting, pause_s: float) -> None:
        self._waiting[one.found.name] = _Waiting(one.found, one.signature, time.monotonic() + pause_s)

    def _settle(self, name: str, signature: Signature) -> None:
        """Done with until it changes."""
        self._waiting.pop(name, None)
        self._settled[name] = signature

    def _release(self, session_id: str) -> _Live | None:
        self._unstored.discard(session_id)
        self._untouched.discard(session_id)
        return self._live.pop(session_id, None)

    async def _begin(self, waiting: list[_Waiting]) -> list[str]:
        """New executions, and those that a worker which is gone was observing: their session ids."""
        usable: dict[ExecutionId, tuple[_Waiting, ToolLogFile]] = {}
        for one in waiting:
            try:
                log = await asyncio.to_thread(
                    peek_tool_log, self._directory, one.found.name, one.found.session_id
                )
            except FileNotFoundError:
                self._waiting.pop(one.found.name, None)
                continue
            if not log.reader.has_content:
                await self._name_unusable(one, log)
            elif one.found.execution_id in usable:
                # The session has a log in the newer format too.
                self._settle(one.found.name, one.signature)
            else:
                usable[one.found.execution_id] = (one, log)
        if not usable:
            return []
        rows = [
            Begun(execution_id, one.found.stored_id, log.reader.first_at or log.written_at)
            for execution_id, (one, log) in usable.items()
        ]
        begun = await observed.begin(self._db, rows, self._worker_id)
        adopted = await observed.adopt(self._db, sorted(usable.keys() - begun), self._worker_id)
        stored = await results.tool_calls_of(self._db, sorted(adopted)) if adopted else {}
        followed = []
        for execution_id, (one, _) in usable.items():
            if execution_id not in begun | adopted:
                # It has just ended: the next look adds to it.
                continue
            known = {call.ordinal: call.status for call in stored.get(execution_id, ())}
            self._follow(one, known)
            followed.append(one.found.session_id)
        return followed

    def _follow(self, one: _Waiting, known: Mapping[int, ToolCallStatus]) -> None:
        log = ToolLogTail(
            *(self._db, one.found.execution_id, self._directory, known, {}),
            name=one.found.name,
            session_id=one.found.session_id,
            adopts=True,
            owner=self._worker_id,
        )
        transcript = TranscriptTail(
            *(self._db, one.found.execution_id, self._directory, {}),
            session_id=one.found.session_id,
            owner=self._worker_id,
        )
        self._waiting.pop(one.found.name, None)
        live = self._live[one.found.session_id] = _Live(one.found, (log, transcript), one.signature)
        self._next_silent = min(self._next_silent, live.heard_at + self._idle_s)

    async def _name_unusable(self, one: _Waiting, log: ToolLogFile) -> None:
        name = one.found.name
        self._settle(name, one.signature)
        self._unusable.add(name)
        await record_failures(self._db, self._place, [name], failures_of(log, {}))

    async def _touch(self) -> None:
        now = time.monotonic()
        due = [one for one in self._untouched if now - self._live[one].touched_at >= TOUCH_S]
        await observed.touch(self._db, [self._live[one].id for one in due])
        for one in due:
            self._live[one].touched_at = now
            self._untouched.discard(one)

    async def _give_up(
        self, execution_id: ExecutionId, problem: str | None, heard_at: dt.datetime | None
    ) -> None:
        status, failure = end_of_silence(self._idle_s, problem)
        if await observed.give_up(self._db, execution_id, status, failure, heard_at):
            about = {"execution_id": str(execution_id)}
            logger.warning("an observed execution was given up: %s", failure.message, extra=about)
