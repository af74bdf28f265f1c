"""Finds, starts and stops the postmaster of one cluster, whichever process started it.

postmaster.pid alone proves nothing: after a crash or a reboot its pid may be that of any program. A process is
used and signalled only if it executes PostgreSQL in this data directory. Every process of a PostgreSQL that we
started also holds a lock that it inherited: while that is held, by a backend that outlived its postmaster or by a
server in another container, no second server is started.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import closing, suppress

from store.embedded.children import reap_children, start_child
from store.embedded.cluster import Cluster
from store.embedded.lock import FileLock
from store.embedded.processes import executes_postgres_in, processes_in, signal_postgres
from store.embedded.short_path import ShortPath
from store.errors import EmbeddedServerFailed
from store.records import record

PORT = 5432
"""Part of the socket's name only: nothing listens on a network."""

SOCKET = f".s.PGSQL.{PORT}"

STALE = ("postmaster.pid", SOCKET, f"{SOCKET}.lock")
"""Files that a killed PostgreSQL leaves; the pids in them may be those of other processes now."""

READY, STOPPING = "ready", "stopping"

MAY_I_ENCRYPT = bytes.fromhex("00000008 04d2162f")
"""SSLRequest of PostgreSQL's protocol (manual, "Message Formats"): any server answers it with one byte."""

ANSWER_S = 1.0

START_DEADLINE_S = 1800.0
"""After a crash the whole log since the last checkpoint is replayed first."""

SILENT_START_S = 5.0
"""A start that takes longer is logged."""

POLL_S = 0.02

LEFTOVER_GRACE_S = 2.0
"""Backends whose postmaster was killed end after their statements; those that take longer are killed."""

ELSEWHERE_S = 10.0
"""After this long, processes that hold the lock and cannot be seen are somewhere else."""

STOPPING_GRACE_S = 2.0
"""A stop that another program asked for waits for clients; after this long it is made a fast one."""

STOP_STEPS = (("SIGINT", 30.0), ("SIGQUIT", 5.0), ("SIGKILL", 5.0))
"""Fast shutdown, immediate shutdown, and none; each with its time in seconds."""

MAX_LOG_BYTES = 16 * 1024**2
"""A log that is longer when PostgreSQL starts becomes `postgres.log.1`."""

log = logging.getLogger(__name__)


@record
class Running:
    """A postmaster that lives, and its status in postmaster.pid."""

    pid: int
    status: str


class Postmaster:
    """The server of `cluster`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._data = cluster.data
        self._log = cluster.data_dir / "postgres.log"
        self._lock = cluster.data_dir / "postgres.running"
        self._process: subprocess.Popen[bytes] | None = None
        """The postmaster that this process started last."""
        self._stopping_since: float | None = None

    def find(self) -> Running | None:
        """The postmaster, if it lives."""
        reap_children()
        try:
            lines = (self._data / "postmaster.pid").read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return None
        number, *_, status = (lines + [""] * 8)[:8]
        with suppress(ValueError):
            # Negative: somebody has opened the directory in single-user mode.
            pid = abs(int(number))
            if executes_postgres_in(pid, self._data):
                return Running(pid, status.strip())
        return None

    def watch(self) -> bool:
        """Whether it lives; call it regularly. One that takes too long to stop is signalled again."""
        found = self.find()
        if found is None or found.status != STOPPING:
            self._stopping_since = None
        elif self._stopping_since is None:
            self._stopping_since = time.monotonic()
        elif time.monotonic() - self._stopping_since > STOPPING_GRACE_S:
            signal_postgres(found.pid, self._data, signal.SIGINT)
        return found is not None

    def ensure(self, ending: threading.Event) -> None:
        """Starts it unless it runs, and waits until it is ready; gives up when `ending` is set.

        The caller excludes other processes meanwhile. Raises EmbeddedServerFailed.
        """
        began = alone_since = time.monotonic()
        started, is_told = None, False
        log_size = self._log.stat().st_size if self._log.exists() else 0
        while not self._serves():
            now = time.monotonic()
            if started is not None and started.poll() is not None:
                raise EmbeddedServerFailed(self._reason(log_size, started.returncode))
            if self.watch():
                alone_since = now
            elif started is None:
                started = self._start_if_alone(now - alone_since)
            if now - began > START_DEADLINE_S:
                raise EmbeddedServerFailed(f"It is not ready after {START_DEADLINE_S:.0f} s")
            if now - began > SILENT_START_S and not is_told:
                log.warning("the embedded PostgreSQL takes long to start; after a crash it replays its log")
                is_told = True
            if ending.wait(POLL_S):
                raise EmbeddedServerFailed("The start was interrupted")

    def shut_down(self) -> None:
        """Stops it, cleanly if possible, and waits until none of its processes is left."""
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

    def _serves(self) -> bool:
        """Whether it is ready and answers: one that was killed may be there for a moment, still called ready."""
        found = self.find()
        if found is None or found.status != READY:
            return False
        if not (self._data / SOCKET).exists():
            raise EmbeddedServerFailed(
                f"Another program has started PostgreSQL in the data directory, with other settings: "
                f"stop it (kill -INT {found.pid})"
            )
        with (
            closing(ShortPath(self._data)) as short,
            socket.socket(socket.AF_UNIX) as asking,
            suppress(OSError),
        ):
            asking.settimeout(ANSWER_S)
            asking.connect(str(short.path / SOCKET))
            asking.sendall(MAY_I_ENCRYPT)
            return asking.recv(1) != b""
        return False

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
        output = self._open_log()
        try:
            return start_child(
                command,
                stdout=output,
                stderr=output,
                pass_fds=(lock.descriptor,),
                **self._cluster.options(self._data),
            )
        finally:
            os.close(output)

    def _open_log(self) -> int:
        if self._log.exists() and self._log.stat().st_size > MAX_LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        return os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)

    def _reason(self, log_size: int, exit_code: int) -> str:
        """Why it ended while it started: the last fatal line of its log."""
        with self._log.open(encoding="utf-8", errors="replace") as written:
            written.seek(log_size)
            lines = [line.strip() for line in written if line.strip()]
        grave = [line for line in lines if "FATAL: " in line or "PANIC: " in line]
        return (grave or lines or [f"it ended with exit code {exit_code}"])[-1]
