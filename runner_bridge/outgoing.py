"""Requests to addresses that a client chose: how they are kept harmless, and what went wrong with one.

Only http and https are allowed. Loopback and private networks are allowed, because local models and receivers are
there; what endpoint_addresses.py forbids is not. Whatever a name resolves to is checked at each connection. No
proxy and no cookie is used; callers follow no redirects, read a limited number of bytes and set a time limit.
"""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from runner_bridge.formats.agents.endpoint_addresses import ForbiddenAddress, checked_socket
from runner_bridge.redaction import clean_text
from store.records import record

CONNECT_TIMEOUT_S = 5.0

MAX_QUOTED_CHARACTERS = 300
"""Of what the other side says."""


class ConnectionProblemKind(StrEnum):
    """Why an endpoint did not answer as expected."""

    NAME_NOT_FOUND = "NAME_NOT_FOUND"
    REFUSED = "REFUSED"
    UNREACHABLE = "UNREACHABLE"
    TIMEOUT = "TIMEOUT"
    TLS = "TLS"
    FORBIDDEN_ADDRESS = "FORBIDDEN_ADDRESS"
    UNAUTHORIZED = "UNAUTHORIZED"
    NOT_FOUND = "NOT_FOUND"
    RATE_LIMITED = "RATE_LIMITED"
    REDIRECT = "REDIRECT"
    REJECTED = "REJECTED"
    SERVER_ERROR = "SERVER_ERROR"
    BAD_ANSWER = "BAD_ANSWER"


@record
class ConnectionProblem:
    """The problem, and a sentence that explains it."""

    kind: ConnectionProblemKind
    message: str


def guarded_session() -> aiohttp.ClientSession:
    """A session whose connections go to allowed addresses only; each is used for one request."""
    connector = aiohttp.TCPConnector(socket_factory=checked_socket, use_dns_cache=False, force_close=True)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
        trust_env=False,
    )


def quoted(text: str) -> str:
    """One line of it, shortened, without control characters."""
    clean = " ".join(clean_text(text.encode("utf-8", "replace")).split())
    return clean if len(clean) <= MAX_QUOTED_CHARACTERS else clean[: MAX_QUOTED_CHARACTERS - 1] + "…"


def problem_of(error: Exception, url: str) -> ConnectionProblem:
    """What an error of aiohttp or of the operating system means."""
    host = urlsplit(url).hostname
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    match error, cause:
        case _, ForbiddenAddress():
            return _problem("FORBIDDEN_ADDRESS", str(cause))
        case aiohttp.InvalidURL(), _:
            return _problem("NAME_NOT_FOUND", f"{host} is no name and no address as they are written today")
        case aiohttp.ClientConnectorDNSError(), _:
            return _problem("NAME_NOT_FOUND", f"The name {host} cannot be resolved")
        case aiohttp.ClientSSLError(), _:
            reason = getattr(error, "certificate_error", None) or cause
            return _problem("TLS", f"No secure connection to {host}: {quoted(str(reason))}")
        case _, ConnectionRefusedError():
            return _problem("REFUSED", f"Nothing listens at {_address(url)}")
        case aiohttp.ClientConnectorError(), _:
            reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
            return _problem("UNREACHABLE", f"{_address(url)} cannot be reached: {quoted(str(reason))}")
        case ((aiohttp.ClientResponseError() | aiohttp.ClientPayloadError() | ValueError()), _):
            return _problem("BAD_ANSWER", f"What answers at {_address(url)} does not speak HTTP as it should")
        case _:
            return _problem("BAD_ANSWER", f"{_address(url)} closed the connection without an answer")


def _address(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, "", "", ""))


def _problem(kind: str, message: str) -> ConnectionProblem:
    return ConnectionProblem(ConnectionProblemKind(kind), message)
