"""One watch of a directory for all tasks that wait for its files to change.

The watch exists only while a task follows it. It only wakes: a follower looks at the file itself, and also
looks now and then without being woken, so a missed notification costs time and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path

from runner_bridge import log_context
from runner_bridge.watching import inotify

STEP_MS = 5
"""How long changes are gathered: measured 8 ms from write to wake-up, for half a percent of a core."""

DEBOUNCE_MS = 20
"""Changes without a pause are reported at least this often."""

log = logging.getLogger(__name__)


class Changes:
    """The names of files that changed since they were last taken. `woken` is set while there are any."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self.woken = asyncio.Event()

    def add(self, name: str) -> None:
        self._names.add(name)
        self.woken.set()

    def take(self) -> set[str]:
        """The names that changed since the last call."""
        taken, self._names = self._names, set()
        self.woken.clear()
        return taken


class DirectoryWatch:
    """Changes of the files directly in `root`, by file name."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._followers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._of_all: set[Changes] = set()
        self._task: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def follow(self, name: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever the file of this name changes; the follower clears it."""
        changed = asyncio.Event()
        self._followers[name].add(changed)
        self.ensure()
        try:
            yield changed
        finally:
            self._followers[name].discard(changed)
            if not self._followers[name]:
                del self._followers[name]
            self._rest()

    @contextlib.contextmanager
    def follow_all(self) -> Iterator[Changes]:
        """Every change of any file."""
        changes = Changes()
        self._of_all.add(changes)
        self.ensure()
        try:
            yield changes
        finally:
            self._of_all.discard(changes)
            self._rest()

    def ensure(self) -> None:
        """Starts the watch again if it has ended, for example because the directory was away."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(
                self._watch(), name="directory watch", context=log_context.unrelated()
            )

    async def restart(self) -> None:
        """Watches the directory that `root` names now: a watch stays with a directory that is moved."""
        await self.close()
        if self._followers or self._of_all:
            self.ensure()

    async def close(self) -> None:
        """Waits until the watch has ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _rest(self) -> None:
        if not self._followers and not self._of_all and self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        try:
            async with aclosing(_changed_names(self.root)) as changes:
                async for names in changes:
                    for name in names:
                        self._tell(name)
        except (OSError, RuntimeError) as error:
            # Out of inotify watches, or no such directory: the followers look without being woken.
            log.warning("%s cannot be watched, looking now and then instead: %s", self.root, error)

    def _tell(self, name: str) -> None:
        for follower in self._followers.get(name, ()):
            follower.set()
        for changes in self._of_all:
            changes.add(name)


def _changed_names(root: Path) -> AsyncGenerator[set[str], None]:
    return inotify.changed_names(root) if sys.platform == "linux" else _told_by_watchfiles(root)


async def _told_by_watchfiles(root: Path) -> AsyncGenerator[set[str], None]:
    from watchfiles import awatch  # brings a thread and threading's helpers, which Linux need not pay

    async for changes in awatch(root, watch_filter=None, recursive=False, step=STEP_MS, debounce=DEBOUNCE_MS):
        yield {Path(path).name for _, path in changes}
