"""The embedded PostgreSQL as the rest of the program uses it: it runs while an EmbeddedServer is open.

Several processes may use one data directory at once. Each holds a shared lock on `postgres.users`, which the
kernel releases however the process ends. The last one to leave stops PostgreSQL; when that one was killed, a guard
does. Each restarts PostgreSQL when it dies.
"""

from __future__ import annotations

import atexit
import logging
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from store.embedded.cluster import SUPERUSER, Cluster, cluster_in
from store.embedded.guard import start_guard
from store.embedded.lock import FileLock
from store.embedded.postmaster import PORT, START_DEADLINE_S, Postmaster
from store.embedded.short_path import ShortPath
from store.errors import EmbeddedServerFailed

WATCH_S = 0.5
"""How often each user checks whether PostgreSQL runs."""

RETRY_S = 5.0
"""After a start that failed, for example because the disk is full."""

JOIN_DEADLINE_S = START_DEADLINE_S + 30.0
"""Longer than any start that another process is waiting for."""

LEAVE_DEADLINE_S = 5.0
"""A process that holds the lock for longer is starting PostgreSQL, so this one is not the last user."""

GUARD_ENDS_S = 1.0
"""How long the process that stops PostgreSQL waits for the guard to end."""

POLL_S = 0.02

log = logging.getLogger(__name__)


class EmbeddedServer:
    """A running embedded server. `url` names its default database, which is ours alone."""

    def __init__(self, data_dir: Path, ending: threading.Event | None = None) -> None:
        """Starts the server (initialising `data_dir` the first time), or joins the one already running.

        Gives up when `ending` is set meanwhile. Raises EmbeddedServerFailed.
        """
        self._data_dir = data_dir.resolve()
        self._ending = threading.Event() if ending is None else ending
        self._has_left = False
        try:
            self._data_dir.mkdir(parents=True, exist_ok=True)
            self._users = FileLock(self._data_dir / "postgres.users")
            try:
                self._cluster, self._postmaster = self._join()
                self._socket = ShortPath(self._cluster.data)
            except BaseException:
                self._users.close()
                raise
        except (EmbeddedServerFailed, OSError) as error:
            raise EmbeddedServerFailed(
                f"The embedded PostgreSQL in {data_dir} did not start: {_reason(error)}. "
                "DATABASE_URL uses a server of yours instead, REEV_GQL_DATA_DIR another directory"
            ) from error
        # Says all that the driver would otherwise take from PG* variables and files of the user.
        self.url = (
            f"postgresql://{SUPERUSER}:none@/{SUPERUSER}?host={self._socket.path}&port={PORT}"
            "&sslmode=disable&sslnegotiation=postgres&target_session_attrs=any"
        )
        self._guard = start_guard(self._cluster)
        self._watching = threading.Thread(target=self._watch, name="embedded-postgres", daemon=True)
        self._watching.start()
        atexit.register(self.stop)

    @property
    def bin_dir(self) -> Path:
        """Where the server's own programs (pg_dump, psql) are."""
        return self._cluster.programs.bin_dir

    @property
    def pid(self) -> int | None:
        """The postmaster's process id; None while there is none."""
        found = self._postmaster.find()
        return None if found is None else found.pid

    def stop(self) -> None:
        """Stops using the server; the last process to do so stops it."""
        if self._has_left:
            return
        self._has_left = True
        self._ending.set()
        self._watching.join()
        is_last = False
        try:
            with self._turn(LEAVE_DEADLINE_S, threading.Event()):
                is_last = self._users.try_exclusive()
                if is_last:
                    self._postmaster.shut_down()
        except FileNotFoundError:
            # The directory was deleted, so nobody else can use it either.
            self._postmaster.terminate_child()
        except (EmbeddedServerFailed, OSError) as error:
            log.warning("the embedded PostgreSQL was left running: %s", _reason(error))
        self._users.close()
        self._socket.close()
        if is_last and self._guard is not None:
            with suppress(subprocess.TimeoutExpired):
                self._guard.wait(GUARD_ENDS_S)
        atexit.unregister(self.stop)

    def _join(self) -> tuple[Cluster, Postmaster]:
        with self._turn(JOIN_DEADLINE_S, self._ending) as turn:
            self._users.share()
            cluster = cluster_in(self._data_dir, turn)
            postmaster = Postmaster(cluster)
            postmaster.ensure(self._ending)
            return cluster, postmaster

    @contextmanager
    def _turn(self, deadline_s: float, ending: threading.Event) -> Iterator[FileLock]:
        """The lock under which one process at a time starts or stops PostgreSQL."""
        deadline = time.monotonic() + deadline_s
        with FileLock(self._data_dir / "postgres.starting") as lock:
            while not lock.try_exclusive():
                if ending.wait(POLL_S) or time.monotonic() > deadline:
                    raise EmbeddedServerFailed("Another process is starting or stopping it")
            yield lock

    def _watch(self) -> None:
        """Starts PostgreSQL again when it has died, until this process leaves."""
        while not self._ending.wait(WATCH_S):
            if not self._postmaster.watch():
                self._revive()

    def _revive(self) -> None:
        log.warning("the embedded PostgreSQL has ended; starting it again")
        try:
            with self._turn(JOIN_DEADLINE_S, self._ending):
                self._postmaster.ensure(self._ending)
        except (EmbeddedServerFailed, OSError) as error:
            if not self._ending.wait(RETRY_S):
                log.error("the embedded PostgreSQL did not start: %s", _reason(error))


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)
