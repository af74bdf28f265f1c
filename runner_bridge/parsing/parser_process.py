"""The program of a parser process: it answers calls of our functions, one at a time.

It ends when the other end of its connection is closed, so it cannot outlive the process that started it. It
knows no settings, no secrets and no database.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
from multiprocessing.connection import Connection


class _LogRecords(logging.Handler):
    """Collects log records for the other process, with their arguments as text: those may not be picklable."""

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
    """Answers (function, owner, arguments) with (True, result, log records) or (False, exception, log records).

    Where `owner` is a class, the function is called on this process's object of it, made at the first such call.
    Log records go to the other process, which knows where to write them.
    """
    logged = _LogRecords()
    logging.getLogger().addHandler(logged)
    objects: dict[type, object] = {}
    # Ctrl-C reaches every process of the terminal; the one that asked decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Connection(descriptor) as asker, contextlib.suppress(EOFError, ConnectionError):
        while True:
            function, owner, arguments = asker.recv()
            if owner is not None:
                if owner not in objects:
                    objects[owner] = owner()
                arguments = (objects[owner], *arguments)
            try:
                answer = (True, function(*arguments))
            except Exception as error:
                answer = (False, error)
            asker.send((*answer, logged.take()))


if __name__ == "__main__":
    main(int(sys.argv[1]))
