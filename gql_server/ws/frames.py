"""Text frames as bytes (RFC 6455, §5.2), for those that are written without waiting; aiohttp makes all others."""

from __future__ import annotations

import struct

_TEXT = 0x81
"""A whole text message in one frame."""

_short = struct.Struct("!BB").pack
_medium = struct.Struct("!BBH").pack
_long = struct.Struct("!BBQ").pack


def text_frame(*parts: bytes) -> bytes:
    """A server's frame with these parts, put together."""
    size = sum(map(len, parts))
    if size < 126:
        header = _short(_TEXT, size)
    elif size < 1 << 16:
        header = _medium(_TEXT, 126, size)
    else:
        header = _long(_TEXT, 127, size)
    return b"".join((header, *parts))
