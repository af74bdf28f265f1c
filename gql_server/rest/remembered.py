"""Answers that are given again until something changes: a poll that finds nothing new asks no database.

An answer is dropped when the hub reads an event of its execution, or of any execution of its benchmark where the
answer is about the newest. What changes without an event (retention) shows after REMEMBER_S.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from store.live.events import LoggedEvent
from store.live.hub import Hub
from store.model import Execution, ExecutionId
from store.records import record

REMEMBER_S = 10.0

TRUSTED_LAG_S = 3.0
"""When the hub has not read the log for so long, nothing is answered from memory."""

MOST_BYTES = 16 * 1024 * 1024
LARGEST = 1024 * 1024
"""Larger ones are made anew each time."""

OVERHEAD = 1024
"""About what an entry takes besides its body."""

Subject = Hashable
"""The id of an execution, or of a benchmark."""


class Tagged:
    """A body and its entity tag, which is the same on every server."""

    __slots__ = ("body", "etag")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


@record
class _Entry:
    answer: Tagged
    subject: Subject
    execution: tuple[ExecutionId, int] | None
    """The execution that it is about, and its revision."""
    until: float


@dataclass(slots=True, eq=False)
class Reading:
    """What is being read about a subject; outdated when an event of it came meanwhile."""

    subject: Subject
    is_outdated: bool = False


class RememberedAnswers:
    """One per server."""

    def __init__(self, hub: Hub) -> None:
        self._log = hub.updates
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._of_subject: dict[Subject, set[str]] = {}
        self._readings: dict[Subject, set[Reading]] = {}
        self._bytes = 0
        hub.observe(self._changed)

    def get(self, target: str) -> Tagged | None:
        """The answer to the request for `target`, if nothing has changed."""
        entry = self._entries.get(target)
        if entry is None:
            return None
        if self._log.lag_s > TRUSTED_LAG_S or time.monotonic() > entry.until:
            self._drop(target)
            return None
        self._entries.move_to_end(target)
        return entry.answer

    @contextmanager
    def reading(self, subject: Subject) -> Iterator[Reading]:
        """Begins before the database is asked: an event that comes meanwhile is not missed."""
        reading = Reading(subject)
        self._readings.setdefault(subject, set()).add(reading)
        try:
            yield reading
        finally:
            others = self._readings[subject]
            others.discard(reading)
            if not others:
                del self._readings[subject]

    def keep(self, target: str, reading: Reading, answer: Tagged, execution: Execution | None) -> None:
        """Remembers `answer`, unless it is outdated already."""
        if execution is not None:
            self._forget_older(execution, reading)
        if reading.is_outdated or len(answer.body) > LARGEST:
            return
        self._drop(target)
        about = None if execution is None else (execution.id, execution.revision)
        self._entries[target] = _Entry(answer, reading.subject, about, time.monotonic() + REMEMBER_S)
        self._of_subject.setdefault(reading.subject, set()).add(target)
        self._bytes += self._size(target, answer)
        while self._bytes > MOST_BYTES:
            self._drop(next(iter(self._entries)))

    def _forget_older(self, execution: Execution, reading: Reading) -> None:
        """Whoever was told of a newer state is not told of an older one next, at whatever address.

        The page stops asking for the trace when the status is Completed.
        """
        for subject in (execution.id, execution.benchmark_id):
            for other in self._readings.get(subject, ()):
                other.is_outdated = other.is_outdated or other is not reading
            for target in tuple(self._of_subject.get(subject, ())):
                about = self._entries[target].execution
                if about is None or about[0] != execution.id or about[1] < execution.revision:
                    self._drop(target)

    def forget(self, *subjects: Subject) -> None:
        """Something was written about these: its writer sees it at once, before the hub has read the event."""
        for subject in subjects:
            for reading in self._readings.get(subject, ()):
                reading.is_outdated = True
            for target in tuple(self._of_subject.get(subject, ())):
                self._drop(target)

    @staticmethod
    def _size(target: str, answer: Tagged) -> int:
        return len(answer.body) + len(target) + OVERHEAD

    def _drop(self, target: str) -> None:
        entry = self._entries.pop(target, None)
        if entry is None:
            return
        self._bytes -= self._size(target, entry.answer)
        targets = self._of_subject[entry.subject]
        targets.discard(target)
        if not targets:
            del self._of_subject[entry.subject]

    def _changed(self, items: Sequence[LoggedEvent] | None) -> None:
        if items is None:
            self.forget(*self._of_subject, *self._readings)
        elif self._of_subject or self._readings:
            executions = {item.event.execution_id for item in items}
            self.forget(*executions, *{item.execution.benchmark_id for item in items})
