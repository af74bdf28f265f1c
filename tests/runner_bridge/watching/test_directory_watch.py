"""The watch on a directory: what it tells, how often, and that it costs nothing while nothing changes."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from runner_bridge.watching import directory_watch, inotify
from tests.helpers.patience import DEADLINE_S

WRITES = 2_000

OF_LINUX = [inotify.changed_names] if sys.platform == "linux" else []
BOTH = [*OF_LINUX, directory_watch._told_by_watchfiles]
Told = Callable[[Path], AsyncGenerator[set[str], None]]


async def heard(told: Told, root: Path, change: Callable[[], object]) -> set[str]:
    """What is told of one change."""
    async with aclosing(told(root)) as changes:
        first = asyncio.ensure_future(anext(changes))
        probe = root / "probe"
        async with asyncio.timeout(DEADLINE_S):
            # It stands when it tells of this; nothing else says so.
            while not first.done():
                probe.touch()
                await asyncio.sleep(0.01)
            change()
            names: set[str] = set()
            while not names - {"probe"}:
                names |= await anext(changes)
    return names - {"probe"}


@pytest.mark.parametrize("told", BOTH)
async def test_every_kind_of_change_is_told_by_name(told: Told, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "n\u00e4w"
    old.write_text("1")
    assert await heard(told, tmp_path, lambda: new.write_text("1")) == {new.name}
    with old.open("ab", buffering=0) as file:
        assert await heard(told, tmp_path, lambda: file.write(b"2")) == {"old"}
    assert new.name in await heard(told, tmp_path, lambda: old.rename(new))
    assert await heard(told, tmp_path, new.unlink) == {new.name}


@pytest.mark.parametrize("told", BOTH)
async def test_a_writer_that_never_pauses_is_told_of_now_and_then(told: Told, tmp_path: Path) -> None:
    stopped = False

    def write() -> int:
        number = 0
        with (tmp_path / "busy").open("wb", buffering=0) as file:
            while not stopped:
                number += file.write(b"x")
        return number

    async with aclosing(told(tmp_path)) as changes:
        writing = asyncio.ensure_future(asyncio.to_thread(write))
        began = time.monotonic()
        for _ in range(20):
            assert "busy" in await anext(changes)
        took = time.monotonic() - began
        stopped = True
        assert await writing > 20
    assert took >= 19 * inotify.PAUSE_S


@pytest.mark.parametrize("told", BOTH)
async def test_a_directory_that_is_not_there_cannot_be_watched(told: Told, tmp_path: Path) -> None:
    with pytest.raises((OSError, RuntimeError)):
        async with aclosing(told(tmp_path / "none")) as changes:
            await anext(changes)


@pytest.mark.parametrize("told", OF_LINUX)
async def test_a_directory_that_goes_ends_the_watch_and_leaves_no_descriptor(
    told: Told, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match="gone"):
        async with aclosing(told(root)) as changes:
            first = asyncio.ensure_future(anext(changes))
            await asyncio.sleep(0)
            root.rmdir()
            await first
    assert len(os.listdir("/proc/self/fd")) == len(before)
