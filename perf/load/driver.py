"""Sends requests as fast as they are answered: a closed loop over keep-alive connections, in a process of its own.

    python -m perf.load.driver

Reads orders from stdin and prints what came of them, one JSON object a line. Bare sockets and requests made
beforehand: what the driver needs per request (about 7 µs) must not be what is measured.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from dataclasses import dataclass
from itertools import cycle

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"
BUFFER = memoryview(bytearray(1 << 20))
LOOK_S = 0.01


@dataclass
class Connection:
    """One connection with one request under way."""

    socket: socket.socket
    head: bytes = b""
    missing: int | None = None
    """Bytes of the answer that have not come yet; None until its head is there."""

    def read(self) -> bool:
        """Takes what has arrived; whether the answer is whole. Raises RuntimeError for a bad one."""
        count = self.socket.recv_into(BUFFER)
        if not count:
            raise RuntimeError("the server closed a connection")
        if self.missing is None:
            self.head += BUFFER[:count].tobytes()
            end = self.head.find(HEAD_END)
            if end < 0:
                return False
            size = end + len(HEAD_END) + length_of(self.head[:end])
            self.missing, self.head = size - len(self.head), b""
        else:
            self.missing -= count
        if self.missing:
            return False
        self.missing = None
        return True


def length_of(head: bytes) -> int:
    """Of the body. Raises RuntimeError for what is neither 200 nor 304, which has none."""
    if head.startswith(b"HTTP/1.1 304"):
        return 0
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.partition(b"\r\n")[0].decode())
    _, found, rest = head.lower().partition(LENGTH)
    if not found:
        raise RuntimeError("an answer of unknown length")
    return int(rest.partition(b"\r\n")[0])


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
