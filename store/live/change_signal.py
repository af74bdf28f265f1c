"""A signal that can fire many times; each time it wakes every task that waits."""

from __future__ import annotations

import asyncio


class ChangeSignal:
    """Take `next` before reading the state and wait for it afterwards: a change in between is not missed."""

    def __init__(self) -> None:
        self.next = asyncio.Event()

    def fire(self) -> None:
        fired, self.next = self.next, asyncio.Event()
        fired.set()
