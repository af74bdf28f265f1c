"""The postmaster of one cluster, whichever process started it: found, started, stopped.

postmaster.pid alone proves nothing: after a crash or a reboot its number may be that of any program. A process is
taken for ours, and signalled, only if it executes PostgreSQL in this very data directory. Every process of a
PostgreSQL that we started holds a lock as well, inherited from its start: while it is held, by a backend that
outlived its postmaster or by a server in another container, no second one is started.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from store.embedded.cluster import Cluster
from store.embedded.identity import executes_postgres_in, processes_in, signal_postgres
from store.embedded.lock import FileLock
from store.errors import EmbeddedServerFailed

PORT = 5432
"""Part of the socket's name only: nothing listens on a network."""

STALE = ("postmaster.pid", f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock")
"""What a PostgreSQL that was killed leaves: the numbers in these files may be those of other processes now."""

READY, STOPPING = "ready", "stopping"

START_DEADLINE_S = 300.0
"""After a crash the log is replayed first."""

POLL_S = 0.02

LEFTOVER_GRACE_S = 2.0
"""Backends whose postmaster was killed end after their statements; those that take longer are killed."""

ELSEWHERE_S = 10.0
"""After this long, processes that hold the lock and cannot be seen are somewhere else."""

STOP_STEPS = (("SIGINT", 30.0), ("SIGQUIT", 5.0), ("SIGKILL", 5.0))
"""Fast shutdown, immediate shutdown, and none; each with its time in seconds."""

MAX_LOG_BYTES = 16 * 1024**2
"""A log that is longer when PostgreSQL starts becomes `postgres.log.1`."""


_started: list[subprocess.Popen[bytes]] = []
"""Kept: a Popen object complains when it goes before its process, which others may need after we have left."""


@dataclass(frozen=True, slots=True)
class Running:
    """What postmaster.pid says of a postmaster that lives."""

    pid: int
    socket_dir: Path
    status: str


class Postmaster:
    """The server of `cluster`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._data = cluster.data
        self._log = cluster.data.with_suffix(".log")
        self._lock = cluster.data.with_suffix(".running")
        self._process: subprocess.Popen[bytes] | None = None
        """The one that this process started last."""

    def find(self) -> Running | None:
        """The postmaster, if it lives."""
        if self._process is not None:
            # A child of ours that has ended must be waited for.
            self._process.poll()
        try:
            lines = (self._data / "postmaster.pid").read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return None
        number, _, _, _, directory, _, _, status = (lines + [""] * 8)[:8]
        with suppress(ValueError):
            # Negative: somebody has opened the directory in single-user mode.
            pid = abs(int(number))
            if executes_postgres_in(pid, self._data):
                return Running(pid, self._data / directory, status.strip())
        return None

    def ensure(self, ending: threading.Event) -> Running:
        """Starts it if need be, and waits until it is ready; gives up when `ending` is set.

        The caller excludes other processes meanwhile. Raises EmbeddedServerFailed.
        """
        began = time.monotonic()
        started = None
        log_size = self._log.stat().st_size if self._log.exists() else 0
        while True:
            found = self.find()
            waited_s = time.monotonic() - began
            if found is not None and found.status == READY:
                return found
            if found is None and started is None:
                started = self._start_if_alone(waited_s)
            elif started is not None and started.poll() is not None:
                raise EmbeddedServerFailed(self._reason(log_size, started.returncode))
            elif waited_s > START_DEADLINE_S:
                raise EmbeddedServerFailed(f"It is not ready after {START_DEADLINE_S:.0f} s")
            if ending.wait(POLL_S):
                raise EmbeddedServerFailed("The start was interrupted")

    def finish_stopping(self) -> None:
        """Turns a shutdown that waits for its clients into one that does not."""
        self._signal(signal.SIGINT)

    def shut_down(self) -> None:
        """Stops it in good order if possible, and waits until nothing of it is left."""
        for name, patience_s in STOP_STEPS:
            self._signal(signal.Signals[name])
            deadline = time.monotonic() + patience_s
            while time.monotonic() < deadline:
                if self._is_gone():
                    return
                time.sleep(POLL_S)

    def terminate_child(self) -> None:
        """Ends the postmaster if this process started it, without looking into the data directory."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)

    def _signal(self, number: signal.Signals) -> None:
        if (found := self.find()) is not None:
            signal_postgres(found.pid, self._data, number)

    def _is_gone(self) -> bool:
        with FileLock(self._lock) as lock:
            return self.find() is None and lock.try_exclusive()

    def _start_if_alone(self, waited_s: float) -> subprocess.Popen[bytes] | None:
        """Starts the postmaster; None while processes of an earlier one live, which are ended after a while."""
        with FileLock(self._lock) as lock:
            is_free = lock.try_exclusive()
            may_be_left = not is_free or (self._data / "postmaster.pid").exists()
            left = processes_in(self._data) if may_be_left else []
            if is_free and not left:
                self._process = self._start(lock)
                _started.append(self._process)
                return self._process
        if waited_s > ELSEWHERE_S:
            raise EmbeddedServerFailed(
                "Another PostgreSQL has opened the data directory, perhaps in another container: "
                "it can be shared by DATABASE_URL only"
            )
        if waited_s > LEFTOVER_GRACE_S:
            for pid in left:
                signal_postgres(pid, self._data, signal.SIGKILL)
        return None

    def _start(self, lock: FileLock) -> subprocess.Popen[bytes]:
        for name in STALE:
            (self._data / name).unlink(missing_ok=True)
        # The socket is in the data directory, whose path may be too long for one: PostgreSQL calls it `.`.
        command = self._cluster.command("postgres", self._data, "-k", ".", "-p", str(PORT), "-h", "")
        log = self._open_log()
        try:
            return subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                pass_fds=(lock.descriptor,),
                **self._cluster.options(self._data),
            )
        finally:
            os.close(log)

    def _open_log(self) -> int:
        if self._log.exists() and self._log.stat().st_size > MAX_LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        return os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)

    def _reason(self, log_size: int, exit_code: int) -> str:
        """Why it ended while it started: the gravest line of its log."""
        with self._log.open(encoding="utf-8", errors="replace") as log:
            log.seek(log_size)
            lines = [line.strip() for line in log if line.strip()]
        grave = [line for line in lines if "FATAL: " in line or "PANIC: " in line]
        return (grave or lines or [f"it ended with exit code {exit_code}"])[-1]
