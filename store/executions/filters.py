"""Which executions belong to a list or a subscription, and the order of a list.

store.executions.listing has the same conditions in SQL; `ExecutionFilter.matches` tests one execution in memory.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from store.model import BatchId, Execution, ExecutionOrigin, ExecutionStatus, FailureKind
from store.records import record


@record
class ResolvedConditions:
    """The benchmarks and agents that a filter's tags and text match (store.executions.lookup finds them)."""

    tagged: frozenset[str] | None
    """Ids of benchmarks with all the tags; None without tags."""

    described: frozenset[str]
    """Ids of benchmarks whose id or description contains the text."""

    agents: frozenset[str]
    """Agents of stored executions whose name contains the text."""


@record
class ExecutionFilter:
    """Conditions that must all hold; an empty tuple or None means any.

    `search` is looked for in failure messages and conversations, in PostgreSQL's syntax for web searches, by the
    database alone: it cannot be tested in memory.

    `text` is contained in the benchmark's id or description or in the agent, or begins the execution's id. For
    `tags` and `text` benchmarks are looked up first: executions.lookup.resolve returns the same filter with
    `resolved`.
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
    computed_score_at_least: float | None = None
    computed_score_at_most: float | None = None
    solved: bool | None = None
    is_attempt: bool | None = None
    execution_tags: tuple[str, ...] = ()
    cost_at_least: float | None = None
    cost_at_most: float | None = None
    tokens_at_least: int | None = None
    tokens_at_most: int | None = None
    settings_hashes: tuple[str, ...] = ()
    search: str | None = None
    resolved: ResolvedConditions | None = None

    def matches(self, execution: Execution) -> bool:
        """Whether `execution` fulfils all conditions.

        Raises ValueError when it must be resolved first, and where there is something to search.
        """
        if self.search:
            raise ValueError("only the database can search texts")
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
            and _between(self.computed_score_at_least, execution.computed_score, self.computed_score_at_most)
            and _between(self.cost_at_least, execution.cost, self.cost_at_most)
            and _between(self.tokens_at_least, execution.tokens, self.tokens_at_most)
            and (self.solved is None or execution.solved is self.solved)
            and (self.is_attempt is None or execution.is_attempt is self.is_attempt)
            and set(self.execution_tags) <= set(execution.tags)
            and (not self.settings_hashes or execution.settings_hash in self.settings_hashes)
            and self._benchmark_matches(execution)
        )

    def _benchmark_matches(self, execution: Execution) -> bool:
        if not self.tags and not self.text:
            return True
        if self.resolved is None:
            raise ValueError("a filter with tags or text must be resolved first")
        tagged = self.resolved.tagged
        return (tagged is None or execution.benchmark_id in tagged) and (
            not self.text
            or execution.benchmark_id in self.resolved.described
            or contains(self.text, execution.agent)
            or str(execution.id).startswith(self.text.lower())
        )


def contains(text: str, inside: str) -> bool:
    """Whether `inside` contains `text`; case does not matter."""
    return text.casefold() in inside.casefold()


def _kind_of(execution: Execution) -> FailureKind | None:
    return None if execution.failure is None else execution.failure.kind


def _between(least: float | None, value: float | None, most: float | None) -> bool:
    if least is None and most is None:
        return True
    return value is not None and (least is None or value >= least) and (most is None or value <= most)


class OrderField(StrEnum):
    """What executions can be sorted by."""

    QUEUED_AT = "QUEUED_AT"
    SCORE = "SCORE"
    COMPUTED_SCORE = "COMPUTED_SCORE"
    EXECUTION_TIME = "EXECUTION_TIME"
    COST = "COST"
    TOKENS = "TOKENS"


@record
class ExecutionOrder:
    """The field and the direction; unknown values come last in both, equal ones are ordered by queued_at, id."""

    field: OrderField = OrderField.QUEUED_AT
    descending: bool = True
