"""One POST request over HTTP, within a time limit and with a limited answer.

Only the given address is asked: redirects are not followed, no proxy and no cookie is used, and addresses where
clouds keep credentials are refused. It uses the standard library, because a runner is a new process for each
execution, and an asynchronous client would take longer to load than all the rest.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from urllib.parse import quote, urlsplit

from runner_bridge.formats.agents.endpoint_addresses import checked_socket

CONNECT_TIMEOUT_S = 20.0
OTHER_ADDRESS_S = 5.0
"""After so long the next address of a name is tried."""

_CHUNK = 64 * 1024
_PLAIN = "/%:@!$&'()*+,;=~-._"
"""What a path may hold as it is."""


class TooLong(Exception):
    """The answer is longer than allowed."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer, whatever its status."""

    status: int
    headers: Message
    content: bytes


def post(url: str, data: bytes, headers: Mapping[str, str], limit_s: float, max_bytes: int) -> HttpAnswer:
    """The answer of `url`. Raises TimeoutError after `limit_s`, TooLong, OSError, HTTPException or ValueError.

    Only the resolution of a name can take longer, as long as the system's resolver tries.
    """
    deadline = time.monotonic() + limit_s
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    with _Guard(_connected(str(parts.hostname), port, deadline), deadline) as guard:
        if parts.scheme == "https":
            guard.secure(str(parts.hostname))
        connection = HTTPConnection(str(parts.hostname), port)
        connection.default_port = 443 if parts.scheme == "https" else 80
        connection.sock = guard.socket
        connection.request("POST", quote(parts.path, safe=_PLAIN), data, dict(headers))
        response = connection.getresponse()
        return HttpAnswer(response.status, response.headers, _read(response, max_bytes))


class _Guard:
    """A connection that ends at the deadline: whatever waits for it then, waits no longer."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self.socket = connected
        self._is_over = False
        self._timer = threading.Timer(deadline - time.monotonic(), self._end)
        self._timer.daemon = True

    def __enter__(self) -> _Guard:
        self._timer.start()
        return self

    def secure(self, host: str) -> None:
        """TLS from here on."""
        context = ssl.create_default_context()
        secured = context.wrap_socket(self.socket, server_hostname=host, do_handshake_on_connect=False)
        self.socket = secured
        if self._is_over:
            # It ended while there was neither the one socket nor the other.
            raise TimeoutError
        secured.do_handshake()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self.socket.close()
        if self._is_over:
            raise TimeoutError

    def _end(self) -> None:
        self._is_over = True
        with contextlib.suppress(OSError):
            # Not that of SSLSocket, which would take the TLS away from under who reads.
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)


def _connected(host: str, port: int, deadline: float) -> socket.socket:
    """A connection to one of the addresses of `host`. Raises OSError, such as ForbiddenAddress."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for number, address in enumerate(found, start=1):
        limit = CONNECT_TIMEOUT_S if number == len(found) else OTHER_ADDRESS_S
        limit = max(0.001, min(limit, deadline - time.monotonic()))
        connecting = checked_socket(address)
        connecting.settimeout(limit)
        try:
            connecting.connect(address[4])
        except OSError as error:
            connecting.close()
            failure = error
        else:
            connecting.settimeout(None)
            return connecting
    if isinstance(failure, TimeoutError) and time.monotonic() < deadline:
        raise ConnectionError(f"no connection within {limit:.0f} seconds")
    raise failure


def _read(response: HTTPResponse, max_bytes: int) -> bytes:
    content = bytearray()
    while chunk := response.read(_CHUNK):
        content += chunk
        if len(content) > max_bytes:
            raise TooLong
    if response.length:
        raise IncompleteRead(b"", response.length)
    return bytes(content)
