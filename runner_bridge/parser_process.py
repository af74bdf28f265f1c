"""A process that parses files for the one that started it: calls of our functions in, their answers out.

It lives as long as somebody holds the other end of its connection, so it cannot outlive whoever asked. It
knows no settings, no secrets and no database.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from multiprocessing.connection import Connection


def main(descriptor: int) -> None:
    """Answers (function, arguments) with (True, result) or (False, exception) until the other end closes."""
    # A Ctrl-C reaches every process of the terminal; the one that asked decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Connection(descriptor) as asker, contextlib.suppress(EOFError, ConnectionError):
        while True:
            function, arguments = asker.recv()
            try:
                answer = (True, function(*arguments))
            except Exception as error:
                answer = (False, error)
            asker.send(answer)


if __name__ == "__main__":
    main(int(sys.argv[1]))
