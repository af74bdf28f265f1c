"""Throttles failed authentication by address: a few failures are free, then each doubles the wait.

Valid tokens are not throttled. Their length keeps them from being guessed; this makes clients with a wrong token
slow down, and cannot lock out a client with a valid token at the same address.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from http import HTTPStatus

from aiohttp import hdrs

from gql_server.responses.errors import BadRequest

FREE = 5
"""Failures without a wait: a person who pastes a wrong token tries a few times."""

LONGEST_S = 60.0
"""256 bits cannot be guessed at one a minute; a client behind the same address need not wait longer."""

FORGET_S = 600.0
ADDRESSES = 10_000
"""Addresses remembered; the oldest are forgotten first."""


class AuthThrottle:
    """One per server."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def failed(self, address: str) -> None:
        """Counts a failure. Raises BadRequest (429), and does not count it, while `address` has to wait."""
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
