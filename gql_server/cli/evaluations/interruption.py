"""What Ctrl-C means while executions run: they run at the server, so somebody must say whether they shall stop.

At a terminal that is asked once. Without one, as in a CI job that is cancelled, they go on, and what is printed
says how to go on watching them.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """A signal asked the command to end."""


class Interruption:
    """Use as a context manager: within it, a signal only ends what `unless_interrupted` waits for."""

    def __init__(self) -> None:
        self._happened = asyncio.Event()

    def __enter__(self) -> Interruption:
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._happened.set)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    async def unless_interrupted(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns. Raises Interrupted, also when the signal came before."""
        if self._happened.is_set():
            work.close()
            raise Interrupted
        doing = asyncio.ensure_future(work)
        waiting = asyncio.ensure_future(self._happened.wait())
        try:
            await asyncio.wait((doing, waiting), return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                return doing.result()
            raise Interrupted
        finally:
            for task in (doing, waiting):
                task.cancel()
            await asyncio.gather(doing, waiting, return_exceptions=True)


def wants_stop(waiting: int) -> bool:
    """Asks at the terminal, if there is one, whether to stop what has not ended; another Ctrl-C says no."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    executions = "execution" if waiting == 1 else "executions"
    print(f"\nStop {waiting} {executions} that have not ended? [y/N] ", end="", file=sys.stderr, flush=True)
    try:
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return False
