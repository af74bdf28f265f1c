"""Which executions a list or a live stream lets through, and in which order.

The same conditions are SQL in store/executions/listing.py; `ExecutionFilter.lets_through` is for what comes live.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from store.model import BatchId, Execution, ExecutionOrigin, ExecutionStatus, FailureKind


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What a filter's conditions on benchmarks came to when they were looked up (store.executions.lookup)."""

    tagged: frozenset[str] | None
    """The benchmarks with all its tags; None without tags."""

    described: frozenset[str]
    """The benchmarks whose id or description holds its text."""

    agents: frozenset[str]
    """The agents of stored executions that hold its text."""


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """Which executions: every given condition must hold; an empty tuple or None means any.

    `tags` and `text` ask about benchmarks: executions.lookup.resolved gives the same filter with `looked_up`.
    `text` is held by the benchmark's id or description, by the agent, or begins the execution's id.
    """

    benchmark_ids: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    statuses: tuple[ExecutionStatus, ...] = ()
    origins: tuple[ExecutionOrigin, ...] = ()
    batch_ids: tuple[BatchId, ...] = ()
    failure_kinds: tuple[FailureKind, ...] = ()
    tags: tuple[str, ...] = ()
    text: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    score_at_least: float | None = None
    score_at_most: float | None = None
    looked_up: LookedUp | None = None

    def lets_through(self, execution: Execution) -> bool:
        """The same conditions on one execution in memory, for live streams."""
        return (
            (not self.benchmark_ids or execution.benchmark_id in self.benchmark_ids)
            and (not self.agents or execution.agent in self.agents)
            and (not self.statuses or execution.status in self.statuses)
            and (not self.origins or execution.origin in self.origins)
            and (not self.batch_ids or execution.batch_id in self.batch_ids)
            and (not self.failure_kinds or _kind_of(execution) in self.failure_kinds)
            and (self.since is None or execution.queued_at >= self.since)
            and (self.until is None or execution.queued_at < self.until)
            and _between(self.score_at_least, execution.score, self.score_at_most)
            and self._benchmark_fits(execution)
        )

    def _benchmark_fits(self, execution: Execution) -> bool:
        if not self.tags and not self.text:
            return True
        if self.looked_up is None:
            raise ValueError("a filter with tags or text must be resolved first")
        tagged = self.looked_up.tagged
        return (tagged is None or execution.benchmark_id in tagged) and (
            not self.text
            or execution.benchmark_id in self.looked_up.described
            or holds(self.text, execution.agent)
            or str(execution.id).startswith(self.text.lower())
        )


def holds(text: str, inside: str) -> bool:
    """Whether `inside` contains `text`; case does not matter."""
    return text.casefold() in inside.casefold()


def _kind_of(execution: Execution) -> FailureKind | None:
    return None if execution.failure is None else execution.failure.kind


def _between(least: float | None, score: float | None, most: float | None) -> bool:
    if least is None and most is None:
        return True
    return score is not None and (least is None or score >= least) and (most is None or score <= most)


class OrderField(StrEnum):
    """What executions can be sorted by."""

    QUEUED_AT = "QUEUED_AT"
    SCORE = "SCORE"
    EXECUTION_TIME = "EXECUTION_TIME"


@dataclass(frozen=True, slots=True)
class ExecutionOrder:
    """By which field, and which end first; unknown values come last both ways, equal ones by queued_at, id."""

    field: OrderField = OrderField.QUEUED_AT
    descending: bool = True
