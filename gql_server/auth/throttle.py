"""Wrong tokens, counted by the address they come from: a few are free, then each costs twice the wait.

A right token never comes here. What keeps it from being guessed is its length; this tells clients with a wrong
one to stop, and is no lock that somebody else at the same address could close.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from http import HTTPStatus

from aiohttp import hdrs

from gql_server.responses.errors import BadRequest

FREE = 5
"""A person who pastes the wrong token tries a few times."""

LONGEST_S = 60.0
"""Nobody guesses 256 bits at one a minute; somebody behind the same address need not wait for ever."""

FORGET_S = 600.0
ADDRESSES = 10_000
"""More are not kept apart: who has that many may guess a little faster."""


class AuthThrottle:
    """One per server."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def note(self, address: str) -> None:
        """Counts a wrong one. Raises BadRequest (429), and does not count it, while `address` has to wait."""
        count, last = self._of.get(address, (0, 0.0))
        now = time.monotonic()
        wait = min(2.0 ** (count - FREE), LONGEST_S) - (now - last) if count >= FREE else 0.0
        if wait > 0:
            raise BadRequest(
                "Too many wrong tokens came from this address; wait",
                code="TOO_MANY_REQUESTS",
                status=HTTPStatus.TOO_MANY_REQUESTS,
                headers={hdrs.RETRY_AFTER: str(math.ceil(wait))},
            )
        self._of.pop(address, None)
        self._of[address] = (1 if now - last > FORGET_S else min(count + 1, 64), now)
        if len(self._of) > ADDRESSES:
            self._of.popitem(last=False)
