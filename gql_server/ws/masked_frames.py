"""Closes a websocket whose client sends a frame that is not masked (RFC 6455, §5.1): aiohttp takes it.

Masking keeps a web page from making a browser send bytes of its choice, which a proxy might take for a request.
Only headers of frames are looked at here; the reader that follows reads them again, with all the rest.
"""

from __future__ import annotations

from typing import Protocol

MASK_BYTES = 4

LENGTH_BYTES = {126: 2, 127: 8}
"""How many more bytes hold the length of a payload (§5.2)."""

NO_FRAME = b"\xf0\x80"
"""A header with reserved bits set: the reader closes the socket with 1002, a protocol error."""


class Reader(Protocol):
    """The reader that a connection gives the bytes of a websocket to."""

    def feed_eof(self) -> None: ...

    def feed_data(self, data: bytes, /) -> tuple[bool, bytes]: ...


class MaskedFrames:
    """Checks the bytes before a reader of frames gets them. One per socket."""

    __slots__ = ("_begun", "_payload_left", "_reader")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._payload_left = 0
        self._begun = b""
        """The beginning of an incomplete header, not yet given to the reader."""

    def feed_eof(self) -> None:
        self._reader.feed_eof()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        if self._begun:
            data, self._begun = self._begun + data, b""
        position = self._payload_left
        while len(data) - position >= 2:
            length = data[position + 1]
            if not length & 0x80:
                return self._reader.feed_data(data[:position] + NO_FRAME)
            length &= 0x7F
            begin = position + 2 + LENGTH_BYTES.get(length, 0)
            if begin > len(data):
                break
            if length > 125:
                length = int.from_bytes(data[position + 2 : begin])
            position = begin + MASK_BYTES + length
        self._payload_left = max(0, position - len(data))
        if position < len(data):
            data, self._begun = data[:position], data[position:]
        return self._reader.feed_data(data)
