"""Whether a look at the queue is worth its statement, from what notifications and looks of all workers say.

A hundred idle workers hear of the same request, and one of them is enough. Each waits a random moment first; who
finds nothing more to take says so to all, with the snapshot of its look. What that snapshot has seen needs no
other look. A hint is never more than that: limits are exact in store.executions.queue alone, and `note_waiting`
makes up for what a connection has lost.
"""

from __future__ import annotations

import secrets
from collections import deque

from store.executions.queue import Look, Outcome
from store.live.change_signal import ChangeSignal
from store.records import record

KEPT = 256
"""Numbers of transactions that are remembered; of more it is enough to know that there were many."""

SHORTEST_LOOK_S, LONGEST_LOOK_S = 0.003, 0.1
"""Bounds of what a look is taken to last until all have heard of it."""

LONGEST_DELAY_S = 1.0

SHARE = 0.2
"""What the last look counts for in the mean of how long they last."""

BEATS_UNTIL_LOOK = 2
"""So often in a row something waited, though no notification asked for a look."""

BEATS_WHILE_LIMITED = 4
"""The same where limits were known to be the reason."""


@record
class Snapshot:
    """Which transactions PostgreSQL had committed: of `text`, as pg_current_snapshot prints it."""

    lowest: int
    next: int
    running: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> Snapshot:
        lowest, following, running = text.split(":")
        return cls(int(lowest), int(following), frozenset(int(one) for one in running.split(",") if one))

    def has_seen(self, transaction: int) -> bool:
        return transaction < self.lowest or (transaction < self.next and transaction not in self.running)


class QueueHints:
    """Of one worker. `changed` fires when a look may be worth it, `ended` when executions have ended."""

    def __init__(self, fingerprint: str) -> None:
        self.changed = ChangeSignal()
        self.ended = ChangeSignal()
        self._fingerprint = fingerprint
        self._must_look = True
        self._outcome: Outcome | None = None
        self._as_of: Snapshot | None = None
        self._requests: deque[int] = deque(maxlen=KEPT)
        self._ends: deque[int] = deque(maxlen=KEPT)
        self._free_others = 0
        self._look_s = SHORTEST_LOOK_S
        self._waited = 0

    @property
    def is_worth_it(self) -> bool:
        """Whether a look may find something."""
        if self._must_look:
            return True
        if self._outcome is Outcome.FULL:
            return bool(self._ends)
        return bool(self._requests) or (self._outcome is Outcome.AGENTS and bool(self._ends))

    @property
    def delay_s(self) -> float:
        """A random moment to wait before a look.

        The more others have capacity too, the longer it may be: about one of them looks in the time of a look.
        """
        longest_s = min(LONGEST_DELAY_S, self._free_others * self._look_s)
        return secrets.randbelow(1000) / 1000 * longest_s

    def hear(self, payload: str) -> None:
        """A notification: `+` and `-` with a transaction that requested and ended, `=` with what a look found."""
        kind, _, rest = payload.partition(" ")
        if kind == "=":
            fingerprint, outcome, snapshot = rest.split(" ")
            if fingerprint == self._fingerprint:
                self._believe(Snapshot.parse(snapshot), Outcome(outcome))
        elif kind == "+":
            self._requests.append(int(rest))
            self.changed.fire()
        elif kind == "-":
            self._ends.append(int(rest))
            self.ended.fire()
            if self._outcome is not Outcome.EMPTY:
                self.changed.fire()

    def note(self, look: Look, seconds: float = SHORTEST_LOOK_S) -> None:
        """What this worker found itself. With more to take it looks again as soon as it has capacity."""
        bounded_s = min(LONGEST_LOOK_S, max(SHORTEST_LOOK_S, seconds))
        self._look_s += SHARE * (bounded_s - self._look_s)
        if look.outcome is None:
            self._must_look, self._outcome = True, None
        else:
            self._believe(Snapshot.parse(look.snapshot), look.outcome)

    def forget(self) -> None:
        """Notifications may have been missed."""
        self._must_look = True
        self.changed.fire()
        self.ended.fire()

    def note_waiting(self, waits: bool, free_others: int) -> None:
        """What a heartbeat says: whether anything waits, and how many other workers have capacity left."""
        self._free_others = free_others
        self._waited = self._waited + 1 if waits else 0
        is_limited = self._outcome in (Outcome.FULL, Outcome.AGENTS)
        if self._waited >= (BEATS_WHILE_LIMITED if is_limited else BEATS_UNTIL_LOOK):
            self._waited = 0
            self._must_look = True
            self.changed.fire()

    def _believe(self, snapshot: Snapshot, outcome: Outcome) -> None:
        if self._as_of is not None and snapshot.next < self._as_of.next:
            return
        self._as_of, self._outcome, self._must_look = snapshot, outcome, False
        for heard in (self._requests, self._ends):
            unseen = [one for one in heard if not snapshot.has_seen(one)]
            heard.clear()
            heard.extend(unseen)
