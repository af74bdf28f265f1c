"""How many executions may run at once; store.executions.queue applies it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import field

from store.records import record


@record
class Limits:
    """The most executions that may run at once: over all workers, of one worker (None: any), and per agent."""

    total: int = 4
    of_worker: int | None = None
    of_agents: Mapping[str, int] = field(default_factory=dict)

    @property
    def capacity(self) -> int:
        """The most executions that one worker can have."""
        return self.total if self.of_worker is None else min(self.total, self.of_worker)

    @property
    def fingerprint(self) -> str:
        """Equal where the limits over all workers are: workers believe those alone that apply the same."""
        text = repr((self.total, sorted(self.of_agents.items())))
        return hashlib.sha256(text.encode()).hexdigest()[:12]
