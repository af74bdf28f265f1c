"""Records which files this process opens, for tests that something is never even opened."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_recording: list[str] | None = None
_is_hooked = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _recording is None or event != "open":
        return
    path, _, flags = arguments
    # With O_DIRECTORY nothing but a directory is opened, whatever has the name.
    if isinstance(path, (str, bytes, os.PathLike)) and not flags & os.O_DIRECTORY:
        _recording.append(os.fsdecode(path))


@contextmanager
def opened_files() -> Iterator[list[str]]:
    """The paths that are opened meanwhile, as they were given; relative ones may be relative to a descriptor."""
    global _recording, _is_hooked
    if not _is_hooked:
        # A hook cannot be removed.
        sys.addaudithook(_hook)
        _is_hooked = True
    opened: list[str] = []
    _recording = opened
    try:
        yield opened
    finally:
        _recording = None
