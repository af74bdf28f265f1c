"""Whether a look at the queue is worth its statement, from what notifications and looks of all workers say.

A hundred idle workers hear of the same request, and one of them is enough. They take turns, in an order that is
the same for all and begins with another worker for each transaction; who finds nothing more to take says so to
all, with the snapshot of its look. What that snapshot has seen needs no other look. A hint is never more than
that: limits are exact in store.executions.queue alone, and `note_waiting` makes up for what a connection has lost.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence

from store.executions.queue import Look, Outcome
from store.live.change_signal import ChangeSignal
from store.records import record

KEPT = 256
"""Numbers of transactions that are remembered; of more it is enough to know that there were many."""

SHORTEST_LOOK_S, LONGEST_LOOK_S = 0.003, 0.1
"""Bounds of what a look is taken to last until all have heard of it."""

LOOKS_APART = 2
"""From one turn to the next, in looks: the next worker shall have heard what the one before it found."""

LONGEST_DELAY_S = 2.5
"""Until the last turn: after a heartbeat it is known anew who has capacity left."""

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


@record
class Reason:
    """Why to look: `transaction` requested or ended as many executions. Heard of at `since`."""

    transaction: int
    executions: int
    since: float


class QueueHints:
    """Of one worker. `changed` fires when a look may be worth it, `ended` when executions have ended."""

    def __init__(self, fingerprint: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.changed = ChangeSignal()
        self.ended = ChangeSignal()
        self._fingerprint = fingerprint
        self._clock = clock
        self._own: Reason | None = self._reason()
        self._outcome: Outcome | None = None
        self._as_of: Snapshot | None = None
        self._requests: deque[Reason] = deque(maxlen=KEPT)
        self._ends: deque[Reason] = deque(maxlen=KEPT)
        self._free_others = 0
        self._turn = 0
        self._look_s = SHORTEST_LOOK_S
        self._waited = 0

    @property
    def is_worth_it(self) -> bool:
        """Whether a look may find something."""
        return bool(self._reasons)

    @property
    def _reasons(self) -> Sequence[Reason]:
        if self._own is not None:
            return [*self._requests, self._own]
        match self._outcome:
            case Outcome.FULL:
                return self._ends
            case Outcome.AGENTS:
                return [*self._requests, *self._ends]
            case _:
                return self._requests

    @property
    def delay_s(self) -> float:
        """How long it still is until it is this worker's turn to look.

        As many workers have their turn at once as there are executions.
        """
        reasons = self._reasons
        if not reasons:
            return 0.0
        free = self._free_others + 1
        place = (self._turn + reasons[0].transaction) % free // sum(one.executions for one in reasons)
        apart_s = min(LOOKS_APART * self._look_s, LONGEST_DELAY_S / free)
        return max(0.0, reasons[0].since + place * apart_s - self._clock())

    def _reason(self, transaction: int | None = None, executions: int = 1) -> Reason:
        """Without a transaction that others hear of too, the turn is by chance."""
        chosen = secrets.randbelow(1 << 16) if transaction is None else transaction
        return Reason(chosen, executions, self._clock())

    def hear(self, payload: str) -> None:
        """A notification: `+` and `-` with a transaction that requested and ended, `=` with what a look found.

        With `+` comes how many executions were requested.
        """
        kind, _, rest = payload.partition(" ")
        if kind == "=":
            fingerprint, outcome, snapshot = rest.split(" ")
            if fingerprint == self._fingerprint:
                self._believe(Snapshot.parse(snapshot), Outcome(outcome))
        elif kind == "+":
            self._requests.append(self._reason(*map(int, rest.split())))
            self.changed.fire()
        elif kind == "-":
            self._ends.append(self._reason(int(rest)))
            self.ended.fire()
            if self._outcome is not Outcome.EMPTY:
                self.changed.fire()

    def note(self, look: Look, seconds: float = SHORTEST_LOOK_S) -> None:
        """What this worker found itself. With more to take it looks again as soon as it has capacity."""
        bounded_s = min(LONGEST_LOOK_S, max(SHORTEST_LOOK_S, seconds))
        self._look_s += SHARE * (bounded_s - self._look_s)
        if look.outcome is None:
            self._own, self._outcome = self._reason(), None
        else:
            self._believe(Snapshot.parse(look.snapshot), look.outcome)

    def forget(self) -> None:
        """Notifications may have been missed."""
        self._own = self._reason()
        self.changed.fire()
        self.ended.fire()

    def note_waiting(self, waits: bool, free_others: int, turn: int = 0) -> None:
        """What a heartbeat says: whether anything waits, and how many other workers have capacity left.

        `turn` is how many of these come before this one.
        """
        self._free_others, self._turn = free_others, turn
        self._waited = self._waited + 1 if waits else 0
        is_limited = self._outcome in (Outcome.FULL, Outcome.AGENTS)
        if self._waited >= (BEATS_WHILE_LIMITED if is_limited else BEATS_UNTIL_LOOK):
            self._waited = 0
            self._own = self._reason()
            self.changed.fire()

    def _believe(self, snapshot: Snapshot, outcome: Outcome) -> None:
        if self._as_of is not None and snapshot.next < self._as_of.next:
            return
        self._as_of, self._outcome, self._own = snapshot, outcome, None
        for heard in (self._requests, self._ends):
            unseen = [one for one in heard if not snapshot.has_seen(one.transaction)]
            heard.clear()
            heard.extend(unseen)
