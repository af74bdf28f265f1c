"""Sends requests as fast as they are answered: a closed loop over keep-alive connections, in a process of its own.

    python -m tests.perf.driver

Reads orders from stdin and prints what came of them, one JSON object a line. Bare sockets and requests made
beforehand: what the driver needs per request (about 15 µs) must not be what is measured.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from dataclasses import dataclass, field
from itertools import cycle

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"
CHUNK = 1 << 20
LOOK_S = 0.01


@dataclass
class Connection:
    """One connection with one request under way."""

    socket: socket.socket
    received: bytearray = field(default_factory=bytearray)
    size: int | None = None
    """Of the whole answer, once its head is there."""

    def read(self) -> bool:
        """Takes what has arrived; whether the answer is whole. Raises RuntimeError for a bad one."""
        piece = self.socket.recv(CHUNK)
        if not piece:
            raise RuntimeError("the server closed a connection")
        self.received += piece
        if self.size is None and (end := self.received.find(HEAD_END)) >= 0:
            self.size = end + len(HEAD_END) + self._length(bytes(self.received[:end]))
        return self.size is not None and len(self.received) >= self.size

    def _length(self, head: bytes) -> int:
        lines = head.split(b"\r\n")
        if b" 200 " not in lines[0]:
            raise RuntimeError(lines[0].decode())
        [length] = [line for line in lines if line.lower().startswith(LENGTH)]
        return int(length[len(LENGTH) :])

    def take(self) -> bytes:
        """The whole answer; the connection is ready for the next request."""
        answer, self.size = bytes(self.received), None
        self.received.clear()
        return answer


def drive(port: int, requests: list[bytes], connections: int, seconds: float) -> dict[str, float]:
    """Requests that were answered within about `seconds`, and how long that took."""
    poll, opened = select.epoll(), dict[int, Connection]()
    following = cycle(requests)
    try:
        for _ in range(connections):
            connection = Connection(socket.create_connection(("127.0.0.1", port)))
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened[connection.socket.fileno()] = connection
            poll.register(connection.socket, select.EPOLLIN)
        began = time.perf_counter()
        until, answered = began + seconds, 0
        for connection in opened.values():
            connection.socket.sendall(next(following))
        # However slow a server is: one answer over each connection.
        while (now := time.perf_counter()) < until or answered < connections:
            for descriptor, _ in poll.poll(max(until - now, LOOK_S)):
                connection = opened[descriptor]
                if connection.read():
                    connection.take()
                    answered += 1
                    connection.socket.sendall(next(following))
        return {"answered": answered, "seconds": now - began}
    finally:
        poll.close()
        for connection in opened.values():
            connection.socket.close()


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        requests = [request.encode() for request in order["requests"]]
        print(json.dumps(drive(order["port"], requests, order["connections"], order["seconds"])), flush=True)


if __name__ == "__main__":
    main()
