"""Observes the sessions directory: files of runners that others started become executions.

The observer is woken by the directory watch, and rescans now and then in case the watch missed something. A
growing tool log makes a running execution, and the session file ends it. One observer at a time holds the
directory's lock; the others wait for the lock and go on from what is stored. What cannot be stored now is
found again by the next scan.
"""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

from runner_bridge.formats.file_names import session_of_file
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.launchers.start_runner import secrets_of
from runner_bridge.observing import directory
from runner_bridge.observing.directory import DirectoryLock
from runner_bridge.observing.logs import ObservedLogs
from runner_bridge.observing.sessions import ObservedSessions
from runner_bridge.waiting import wait_for_event
from runner_bridge.watching.directory_watch import Changes, DirectoryWatch
from store.errors import StoreError
from store.model import WorkerId
from store.postgres.database import Database

RESCAN_S = 10.0
"""How long a missed change can go unnoticed. A scan of 10,000 known files takes some 50 ms."""

TURN_S = 1.0
"""Between two attempts to take the lock: how soon an observer that died is replaced."""

RETRY_S = 1.0
"""After a fault, such as the database being away."""

log = logging.getLogger(__name__)


class Observer:
    """Observes the directory of `watch` until `leaving` is set."""

    def __init__(
        self,
        db: Database,
        watch: DirectoryWatch,
        worker_id: WorkerId,
        config: RunnerConfig,
        leaving: asyncio.Event,
    ) -> None:
        self._db = db
        self._watch = watch
        self._worker_id = worker_id
        self._config = config
        self._leaving = leaving
        self._was_missing = False

    @property
    def _root(self) -> Path:
        return self._watch.root

    async def run(self) -> None:
        """Returns when leaving; goes on through any fault of the directory or the database."""
        while not self._leaving.is_set():
            lock = DirectoryLock(self._root)
            try:
                if await asyncio.to_thread(lock.take):
                    self._was_missing = False
                    await self._watch.restart()
                    await self._observe(lock)
            except OSError as error:
                if not self._was_missing:
                    log.warning("%s cannot be observed: %s", self._root, error.strerror or error)
                self._was_missing = True
            finally:
                lock.release()
            await wait_for_event(self._leaving, TURN_S)

    async def _observe(self, lock: DirectoryLock) -> None:
        """Returns when leaving, or when the root's path names another directory."""
        sessions = ObservedSessions(self._db, self._root)
        logs = ObservedLogs(
            *(self._db, self._root, self._worker_id, self._config.observed_idle_s),
            lambda agent: secrets_of(self._db, self._config, agent),
        )
        next_scan = 0.0
        with self._watch.follow_all() as changes:
            # The watch begins before the first scan, so that no change is missed between the two.
            await asyncio.sleep(0)
            while not self._leaving.is_set():
                try:
                    if time.monotonic() >= next_scan:
                        if not await asyncio.to_thread(lock.is_of_root):
                            return
                        await self._scan(sessions, logs)
                        next_scan = time.monotonic() + RESCAN_S
                    await self._follow(changes, sessions, logs)
                    await self._sleep(changes, min(next_scan, sessions.next_due, logs.next_due))
                except StoreError as error:
                    log.warning("observing %s waits for the database: %s", self._root, error)
                    next_scan = await self._pause()
                except OSError:
                    raise
                except Exception:
                    # A bug must not end the observing; the next scan finds everything again.
                    log.exception("observing %s failed", self._root)
                    next_scan = await self._pause()

    async def _scan(self, sessions: ObservedSessions, logs: ObservedLogs) -> None:
        self._watch.ensure()
        found = await asyncio.to_thread(directory.scan, self._root)
        await sessions.see_all(found)
        await logs.review(found)
        await logs.see(found)

    async def _follow(self, changes: Changes, sessions: ObservedSessions, logs: ObservedLogs) -> None:
        """Takes note of what changed, and takes the next files that are due."""
        names = changes.take()
        await sessions.see(names)
        if others := [name for name in names if session_of_file(name) is None]:
            found = await asyncio.to_thread(directory.look, self._root, others)
            await logs.see(found, only_fresh=True)
        await logs.take(sessions.is_open)
        if due := sessions.due():
            await logs.drain(session_of_file(name) or "" for name in due)
            for name, report in (await sessions.take(due)).items():
                logs.note_session(session_of_file(name) or "", report)
        await logs.close_silent(sessions.reason_of)

    async def _sleep(self, changes: Changes, until: float) -> None:
        """Until something changes, something is due, or this worker leaves."""
        waits = [asyncio.ensure_future(event.wait()) for event in (changes.woken, self._leaving)]
        try:
            timeout = max(0.0, until - time.monotonic())
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _pause(self) -> float:
        """Waits a while; returns when to scan next, which is at once."""
        await wait_for_event(self._leaving, RETRY_S)
        return 0.0
