"""The garbage collector of a server: off while it starts, and blind afterwards to what starting has made.

Modules, types and the schema are some 120,000 objects that live as long as the process. Walking them at every
full collection kept everybody waiting for 55 to 75 ms, every few hundred requests; without them it takes 2 to
11 ms. While they are made there is next to nothing to collect: 0.1 s of looking for it is saved. The little there
is (1.3 MB) stays with them.

What clients made the server keep, and was let go, is given back to the system: documents that are not used any
more are cycles that only a full collection finds, and the C library keeps what was freed unless told otherwise.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc

MUCH = 8 * 1024 * 1024
"""Bytes that are worth the collection."""

PAUSE_S = 15.0
"""Between two of them at least, and at most until what was freed is given back."""


def pause() -> None:
    """Before a server imports its parts."""
    gc.disable()


def settle() -> None:
    """When it is ready: from here on only what comes later is looked at."""
    gc.freeze()
    gc.enable()


class MemoryTrimmer:
    """Returns freed memory to the system, a moment after much was freed. One per server."""

    def __init__(self) -> None:
        self._bytes = 0
        self._scheduled_in: asyncio.AbstractEventLoop | None = None

    def freed(self, size: int) -> None:
        """About `size` bytes were let go."""
        self._bytes += size
        loop = asyncio.get_running_loop()
        if self._bytes >= MUCH and self._scheduled_in is not loop:
            self._scheduled_in = loop
            loop.call_later(PAUSE_S, self._collect, loop)

    def _collect(self, loop: asyncio.AbstractEventLoop) -> None:
        self._scheduled_in, self._bytes = None, 0
        gc.collect()
        # It looks through all that was freed, without Python's lock.
        loop.run_in_executor(None, _trim)


def _trim() -> None:
    """Gives free pages back; a no-op where the C library knows no such thing."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
