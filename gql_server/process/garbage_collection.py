"""The garbage collector of a server: off during start-up, and afterwards it ignores the objects made by then.

Modules, types and the schema are some 120,000 objects that live as long as the process. Walking them at every
full collection stopped the server for 55 to 75 ms, every few hundred requests; without them it takes 2 to
11 ms. While they are made there is next to nothing to collect: 0.1 s of looking for it is saved. The little there
is (1.3 MB) stays with them.

Memory that was used for clients and let go is returned to the system: unused documents are cycles that only a full
collection finds, and the C library keeps freed pages until malloc_trim.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc

MUCH = 8 * 1024 * 1024
"""Freed bytes that are worth a collection."""

PAUSE_S = 15.0
"""The least time between two collections, and the most until freed memory is returned."""


def pause() -> None:
    """Switches the collector off. Called before a server imports its parts."""
    gc.disable()


def resume() -> None:
    """Switches it on, for a process that imports no more than a command does."""
    gc.enable()


def settle() -> None:
    """Switches it on; objects made so far are ignored. Called when the server is ready."""
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
    """Returns free pages to the system, where the C library has malloc_trim."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
