"""One request to a receiver. Whatever that does, it is over within TIMEOUT_S and costs little memory.

A status of 2xx is success; nothing of the answer's body is read. Redirects are failures.
runner_bridge/outgoing.py says which addresses are never connected to.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from http import HTTPStatus

import aiohttp

from runner_bridge.outgoing import (
    ConnectionProblem,
    ConnectionProblemKind,
    guarded_session,
    problem_of,
)
from runner_bridge.version import VERSION
from runner_bridge.webhooks.signing import signed_headers
from store.records import record

TIMEOUT_S = 15.0
"""From the first byte of the request to the last of the answer's headers."""


@record
class Message:
    """What is sent to `url`, the same in every attempt but for time and signature."""

    id: str
    url: str
    body: bytes


@record
class Attempt:
    """How a request went; `problem` is None when the receiver has accepted it."""

    http_status: int | None
    latency_ms: int
    problem: ConnectionProblem | None
    retry_after: dt.timedelta | None = None

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants no deliveries any more."""
        return self.http_status == HTTPStatus.GONE


async def send(message: Message, secret: str, *, timeout_s: float = TIMEOUT_S) -> Attempt:
    """Sends it once. Every outcome is in the result, which holds no secret, and of `url` the host at most."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"reev-gql/{VERSION}",
        **signed_headers(secret, message.id, int(time.time()), message.body),
    }
    began, status, retry_after = time.monotonic(), None, None
    try:
        async with (
            asyncio.timeout(timeout_s),
            guarded_session() as session,
            session.post(message.url, data=message.body, headers=headers, allow_redirects=False) as response,
        ):
            status, retry_after = response.status, _retry_after(response.headers.get("Retry-After"))
            problem = _judge(status)
    except TimeoutError:
        problem = _problem("TIMEOUT", f"No answer within {timeout_s:.0f} seconds")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        problem = problem_of(error, message.url)
    latency_ms = round((time.monotonic() - began) * 1000)
    return Attempt(status, latency_ms, problem, retry_after)


def _judge(status: int) -> ConnectionProblem | None:
    match status:
        case _ if 200 <= status < 300:
            return None
        case _ if 300 <= status < 400:
            return _problem("REDIRECT", f"It redirects (HTTP {status}), which is not followed")
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return _problem("UNAUTHORIZED", f"It does not accept the signature or the sender (HTTP {status})")
        case HTTPStatus.NOT_FOUND:
            return _problem("NOT_FOUND", f"It does not know this path (HTTP {status})")
        case HTTPStatus.GONE:
            return _problem("REJECTED", f"It wants no deliveries any more (HTTP {status})")
        case HTTPStatus.TOO_MANY_REQUESTS:
            return _problem("RATE_LIMITED", f"It takes no more requests just now (HTTP {status})")
        case _ if status >= 500:
            return _problem("SERVER_ERROR", f"It failed (HTTP {status})")
        case _:
            return _problem("REJECTED", f"It rejects the request (HTTP {status})")


def _retry_after(text: str | None) -> dt.timedelta | None:
    """In seconds, as RFC 9110 has it; a date is not honoured."""
    return dt.timedelta(seconds=int(text)) if text and text.isdecimal() and len(text) < 9 else None


def _problem(kind: str, message: str) -> ConnectionProblem:
    return ConnectionProblem(ConnectionProblemKind(kind), message)
