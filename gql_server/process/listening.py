"""The sockets that a server or a worker listens on."""

from __future__ import annotations

import os
import socket

from gql_server.settings.settings import Settings
from gql_server.settings.startup_error import StartupError

BACKLOG = 512


def listening_socket(settings: Settings) -> socket.socket:
    """A socket that listens; connections wait in it until the server is ready. Raises StartupError."""
    listener = listen_on(settings.host, settings.port, "REEV_GQL_PORT")
    if (option := getattr(socket, "TCP_USER_TIMEOUT", None)) is not None:
        # Connections inherit it: the system closes one whose client acknowledges no byte for so long.
        listener.setsockopt(socket.IPPROTO_TCP, option, round(settings.answer_timeout_s * 1000))
    return listener


def listen_on(host: str, port: int, variable: str) -> socket.socket:
    """A socket that listens; `variable` is what sets the port. Raises StartupError."""
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A port whose last connections are in TIME_WAIT is free; one that somebody listens on is not.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise StartupError(
            f"Cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}. "
            f"Stop the program that uses it, or set {variable} to another port"
        ) from error
    return listener
