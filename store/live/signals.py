"""A signal that wakes everybody who waits for it, again and again."""

from __future__ import annotations

import asyncio


class Signal:
    """Take `next` before looking, wait for it afterwards: what fires in between is not missed."""

    def __init__(self) -> None:
        self.next = asyncio.Event()

    def fire(self) -> None:
        fired, self.next = self.next, asyncio.Event()
        fired.set()
