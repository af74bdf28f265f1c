"""Reads one answer in chunks as fast as it comes, in a process of its own.

    python -m perf.load.reader PORT PATH

Prints seconds and bytes as JSON; fails for an answer that is not whole.
"""

from __future__ import annotations

import json
import socket
import sys
import time

LAST_CHUNK = b"\r\n0\r\n\r\n"
BUFFER = memoryview(bytearray(1 << 20))


def read(port: int, path: str) -> tuple[float, int]:
    """Seconds, and bytes with those between chunks. Raises RuntimeError."""
    began, size, end = time.perf_counter(), 0, b""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
        )
        while count := connection.recv_into(BUFFER):
            if not size and not bytes(BUFFER[:12]) == b"HTTP/1.1 200":
                raise RuntimeError(bytes(BUFFER[:count]).decode())
            size += count
            end = (end + bytes(BUFFER[max(0, count - len(LAST_CHUNK)) : count]))[-len(LAST_CHUNK) :]
    if end != LAST_CHUNK:
        raise RuntimeError("the answer broke off")
    return time.perf_counter() - began, size


if __name__ == "__main__":
    print(json.dumps(read(int(sys.argv[1]), sys.argv[2])))
