"""The installed `reev-gql` and shells in a real terminal: a pseudo-terminal of the system."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.helpers.patience import DEADLINE_S
from tests.helpers.prepared import Forked, forked

SCRIPT = Path(sys.executable).parent / "reev-gql"


class Terminal:
    """A program in a pseudo-terminal. Use as a context manager: it ends the program."""

    def __init__(
        self,
        command: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        columns: int = 80,
        *,
        prepared: Mapping[str, str] | None = None,
    ) -> None:
        """`prepared` is what the environment of many commands of `reev-gql` has in common."""
        self._master, slave = pty.openpty()
        self.output = b""
        self.resize(columns)
        self.process: Forked | subprocess.Popen[bytes]
        try:
            if prepared is not None:
                self.process = forked(command[1:], cwd, env, prepared, slave, slave, slave, new_session=True)
            else:
                self.process = subprocess.Popen(
                    command, cwd=cwd, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
                )
        finally:
            os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if isinstance(self.process, Forked):
            self.process.close()
        os.close(self._master)

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def read_until(self, text: bytes | None) -> None:
        """Reads on until `text` has come, any for b"", or until the program has ended, as always with None."""
        deadline, seen = time.monotonic() + DEADLINE_S, len(self.output)
        while text is None or len(self.output) == seen or text not in self.output[seen:]:
            ready, _, _ = select.select([self._master], [], [], max(0, deadline - time.monotonic()))
            assert ready, self.output
            try:
                part = os.read(self._master, 65536)
            except OSError:
                break
            if not part:
                break
            self.output += part

    def finish(self) -> tuple[int, bytes]:
        """The exit code and everything that was printed."""
        self.read_until(None)
        return self.process.wait(DEADLINE_S), self.output
