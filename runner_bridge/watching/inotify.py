"""Changes of a directory's files straight from Linux: nothing runs until the kernel says that something changed.

`watchfiles`, which serves other systems, asks its own queue again and again from a thread: every 5 ms, half a
percent of a core for ever, to be as late as that. Here the event loop waits for a file descriptor.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import functools
import os
import struct
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

GATHER_S = 0.001
"""How long changes are gathered: a program that creates a file mostly writes and closes it at once."""

PAUSE_S = 0.005
"""Between two reports: a writer that never pauses wakes its readers no more often."""

IN_MODIFY, IN_ATTRIB, IN_CLOSE_WRITE = 0x2, 0x4, 0x8
IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE = 0x40, 0x80, 0x100, 0x200
IN_IGNORED, IN_ONLYDIR = 0x8000, 0x0100_0000
WATCHED = (
    IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ONLYDIR
)
"""Values of <sys/inotify.h>."""

_EVENT = struct.Struct("iIII")
_BUFFER = 64 * 1024


async def changed_names(root: Path) -> AsyncGenerator[set[str], None]:
    """The names of files directly in `root` that were made, written, renamed or removed, as they are.

    What is more than the kernel keeps is lost. Raises OSError when `root` cannot be watched or is gone.
    """
    descriptor = _watching(root)
    try:
        while True:
            await _readable(descriptor)
            await asyncio.sleep(GATHER_S)
            yield _names(os.read(descriptor, _BUFFER))
            await asyncio.sleep(PAUSE_S)
    finally:
        os.close(descriptor)


@functools.cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _watching(root: Path) -> int:
    descriptor = _checked(_libc().inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), root)
    try:
        _checked(_libc().inotify_add_watch(descriptor, os.fsencode(root), WATCHED), root)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _checked(result: int, root: Path) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(root))
    return result


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)


def _names(data: bytes) -> set[str]:
    names = set()
    offset = 0
    while offset < len(data):
        _, mask, _, length = _EVENT.unpack_from(data, offset)
        offset += _EVENT.size + length
        if mask & IN_IGNORED:
            raise OSError(errno.ENOENT, "the directory is gone")
        # The name is filled up with zeros; what concerns the directory itself has none.
        if name := data[offset - length : offset].rstrip(b"\0"):
            names.add(os.fsdecode(name))
    return names
