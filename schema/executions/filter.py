"""The filter of lists and streams of executions, and the order of lists."""

import datetime as dt
import math

import strawberry

from schema.contract.enums import ExecutionOrigin, ExecutionStatus, FailureKind, OrderDirection, OrderField
from schema.contract.errors import RequestError
from schema.contract.filter_bounds import text, values
from schema.contract.ids import benchmark_id_argument, parse_execution_id
from schema.contract.pagination import (
    decode_cursor,
    encode_time_cursor_parts,
    foreign_cursor,
    parse_time_cursor_parts,
)
from schema.contract.times import utc
from store import model
from store.executions import filters
from store.executions.ordering import ExecutionKey, is_float

CURSOR_KIND = "executions"


@strawberry.input(description="Which executions. Every condition given must hold.")
class ExecutionFilter:
    benchmark_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Of any of these benchmarks."
    )
    agents: list[str] | None = strawberry.field(default=None, description="By any of these agents.")
    statuses: list[ExecutionStatus] | None = strawberry.field(
        default=None, description="In any of these states."
    )
    origins: list[ExecutionOrigin] | None = strawberry.field(
        default=None, description="Of any of these origins."
    )
    batch_id: strawberry.ID | None = strawberry.field(default=None, description="Requested in this batch.")
    failure_kinds: list[FailureKind] | None = strawberry.field(
        default=None, description="That failed in any of these ways."
    )
    tags: list[str] | None = strawberry.field(
        default=None,
        description="Of benchmarks whose current revision has all of these tags. A subscription looks that up "
        "when it begins.",
    )
    text: str | None = strawberry.field(
        default=None,
        description="With this text in the benchmark's id or description or in the agent's name, or at the "
        "beginning of the execution's id; case does not matter. A subscription looks the benchmarks up when "
        "it begins.",
    )
    since: dt.datetime | None = strawberry.field(
        default=None, description="Requested at or after this time; without an offset it is UTC."
    )
    until: dt.datetime | None = strawberry.field(
        default=None, description="Requested before this time; without an offset it is UTC."
    )
    score_at_least: float | None = strawberry.field(
        default=None, description="With a reported score of at least this; none without a score."
    )
    score_at_most: float | None = strawberry.field(
        default=None, description="With a reported score of at most this; none without a score."
    )
    computed_score_at_least: float | None = strawberry.field(
        default=None, description="With a computed score of at least this; none without one."
    )
    computed_score_at_most: float | None = strawberry.field(
        default=None, description="With a computed score of at most this; none without one."
    )
    solved: bool | None = strawberry.field(
        default=None,
        description="Solved, or not solved. Neither matches an execution of which that is not known.",
    )
    is_attempt: bool | None = strawberry.field(
        default=None,
        description="That say something about their agents, or that do not. Neither matches one before its end.",
    )
    execution_tags: list[str] | None = strawberry.field(
        default=None,
        description="That have all of these tags themselves; `tags` are those of benchmarks. A change of tags is "
        "no event: a subscription sees it with the next one.",
    )
    cost_at_least: float | None = strawberry.field(
        default=None, description="That have ended and cost at least this; none whose cost is not known."
    )
    cost_at_most: float | None = strawberry.field(
        default=None, description="That have ended and cost at most this; none whose cost is not known."
    )
    tokens_at_least: int | None = strawberry.field(
        default=None,
        description="That have ended and whose model read and wrote at least so many tokens together.",
    )
    tokens_at_most: int | None = strawberry.field(
        default=None,
        description="That have ended and whose model read and wrote at most so many tokens together.",
    )

    settings_hashes: list[str] | None = strawberry.field(
        default=None,
        description="Whose model had settings of any of these hashes (`Execution.settingsHash`).",
    )
    search: str | None = strawberry.field(
        default=None,
        description="With these words in the failure message or in the conversation, in any case, the way one "
        'searches the web: "two words together", this OR that, -without. Executions are found within seconds '
        "after their end. No subscription can search.",
    )

    def conditions(self) -> filters.ExecutionFilter:
        """Raises RequestError."""
        return filters.ExecutionFilter(
            benchmark_ids=tuple(
                benchmark_id_argument(one) for one in values("benchmarkIds", self.benchmark_ids)
            ),
            agents=values("agents", self.agents),
            statuses=values("statuses", self.statuses),
            origins=values("origins", self.origins),
            batch_ids=() if self.batch_id is None else (_batch_id(self.batch_id),),
            failure_kinds=values("failureKinds", self.failure_kinds),
            tags=values("tags", self.tags),
            text=text("text", self.text),
            since=utc(self.since),
            until=utc(self.until),
            score_at_least=self.score_at_least,
            score_at_most=self.score_at_most,
            computed_score_at_least=self.computed_score_at_least,
            computed_score_at_most=self.computed_score_at_most,
            solved=self.solved,
            is_attempt=self.is_attempt,
            execution_tags=values("executionTags", self.execution_tags),
            cost_at_least=self.cost_at_least,
            cost_at_most=self.cost_at_most,
            tokens_at_least=self.tokens_at_least,
            tokens_at_most=self.tokens_at_most,
            settings_hashes=values("settingsHashes", self.settings_hashes),
            search=text("search", self.search),
        )


def _batch_id(text: str) -> model.BatchId:
    parsed = parse_execution_id(text)
    if parsed is None:
        raise RequestError("INVALID_ID", f"{text[:80]!r} is not a batch id: those are UUIDs")
    return model.BatchId(parsed)


@strawberry.input(
    description="The order. Unknown values come last in both directions; among equal values the newest "
    "comes first in DESC, the oldest in ASC."
)
class ExecutionOrder:
    field: OrderField = strawberry.field(default=OrderField.QUEUED_AT, description="What is sorted by.")
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.DESC, description="Which end comes first."
    )

    def order(self) -> filters.ExecutionOrder:
        return filters.ExecutionOrder(self.field, self.direction is OrderDirection.DESC)


def encode_execution_cursor(order: filters.ExecutionOrder, key: ExecutionKey) -> str:
    """The cursor of the row at `key`; it is bound to `order`."""
    *value, queued_at, execution_id = key
    texts = ["" if known is None else repr(known) for known in value]
    return encode_time_cursor_parts(_kind(order), texts, queued_at, execution_id)


def decode_execution_cursor(order: filters.ExecutionOrder, cursor: str | None) -> ExecutionKey | None:
    """The key inside `cursor`; raises RequestError for a cursor of another list or another order."""
    if cursor is None:
        return None
    kind = _kind(order)
    if order.field is OrderField.QUEUED_AT:
        return parse_time_cursor_parts(kind, decode_cursor(kind, cursor, 2))
    value, *rest = decode_cursor(kind, cursor, 3)
    return (_value(order, kind, value), *parse_time_cursor_parts(kind, rest))


def _value(order: filters.ExecutionOrder, kind: str, text: str) -> float | int | None:
    try:
        if not text:
            return None
        value = float(text) if is_float(order.field) else int(text)
    except ValueError:
        raise foreign_cursor(kind) from None
    if not math.isfinite(value) or not 0 <= value < 2**63:
        raise foreign_cursor(kind)
    return value


def _kind(order: filters.ExecutionOrder) -> str:
    if order == filters.ExecutionOrder():
        return CURSOR_KIND
    return f"{CURSOR_KIND} by {order.field} {'DESC' if order.descending else 'ASC'}"
