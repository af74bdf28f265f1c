"""Cuts a file that grows into lines, each ending with LF, CRLF or CR. How the bytes come never matters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """A line, counted from 1. `start` and `end` are bytes of the file, the end of line included.

    `raw`, without the end of line, is empty when the line is longer than allowed, of `size` bytes.
    """

    number: int
    raw: bytes
    size: int
    start: int
    end: int


class Lines:
    """Lines of at most `max_bytes`; of a longer one only its length is kept."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._number = 0
        self._start = 0
        self._pending: list[bytes] = []
        self._size = 0
        self._ended_with_cr = False

    def feed(self, data: bytes) -> Iterator[Line]:
        """The lines that end within the next bytes of the file. To be read to its end."""
        if self._ended_with_cr and data.startswith(b"\n"):
            # The second half of a CRLF that was cut in two.
            data = data[1:]
            self._start += 1
            self._ended_with_cr = False
        for piece in data.splitlines(keepends=True):
            content = piece.rstrip(b"\r\n")
            self._keep(content)
            self._ended_with_cr = piece.endswith(b"\r")
            if len(content) < len(piece):
                yield self._end(len(piece) - len(content))

    def rest(self) -> Line | None:
        """The last line when it has no end."""
        return self._end(0) if self._size else None

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._max_bytes:
            self._pending.clear()
        elif piece:
            self._pending.append(piece)

    def _end(self, end_size: int) -> Line:
        self._number += 1
        end = self._start + self._size + end_size
        line = Line(self._number, b"".join(self._pending), self._size, self._start, end)
        self._pending, self._size, self._start = [], 0, end
        return line
