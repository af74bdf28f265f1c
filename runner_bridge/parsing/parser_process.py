"""A process that parses files for the one that started it: calls of our functions in, their answers out.

It lives as long as somebody holds the other end of its connection, so it cannot outlive whoever asked. It
knows no settings, no secrets and no database.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
from multiprocessing.connection import Connection


class _Logged(logging.Handler):
    """Keeps records, as text where they hold what cannot be handed over."""

    def __init__(self) -> None:
        super().__init__()
        self._records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        record.msg = self.format(record)
        record.args = record.exc_info = record.exc_text = record.stack_info = None
        self._records.append(record)

    def take(self) -> list[logging.LogRecord]:
        records, self._records = self._records, []
        return records


def main(descriptor: int) -> None:
    """Answers (function, arguments) with (True, result, logged) or (False, exception, logged).

    Until the other end closes. What is logged here is told there, where logs have a form and a place.
    """
    logged = _Logged()
    logging.getLogger().addHandler(logged)
    # A Ctrl-C reaches every process of the terminal; the one that asked decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Connection(descriptor) as asker, contextlib.suppress(EOFError, ConnectionError):
        while True:
            function, arguments = asker.recv()
            try:
                answer = (True, function(*arguments))
            except Exception as error:
                answer = (False, error)
            asker.send((*answer, logged.take()))


if __name__ == "__main__":
    main(int(sys.argv[1]))
