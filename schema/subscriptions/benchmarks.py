"""Subscription to benchmarks: every benchmark that is created, updated or archived."""

import datetime as dt
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import field
from typing import Annotated, Self

import strawberry

from schema.contract.context import Info
from schema.contract.enums import SyncOutcome
from schema.contract.feeds import continue_with
from schema.contract.references import BENCHMARK, nullable
from schema.contract.updates_cursor import cursor_argument
from store import model
from store.live.benchmark_changes import BenchmarkChange, ChangeCursor
from store.live.chunks import Chunk
from store.live.log_reader import LogReader
from store.records import record


@strawberry.type(description="A benchmark was created, updated or archived.")
class BenchmarkUpdate:
    cursor: str = strawberry.field(description="To resume after this update, pass it as `after`.")
    outcome: SyncOutcome | None = strawberry.field(
        description="CREATED, UPDATED or ARCHIVED; null in the first update, which only gives the "
        "stream's position."
    )
    at: dt.datetime | None = strawberry.field(description="When it happened; null in the first update.")
    benchmark_id: strawberry.ID | None = strawberry.field(
        description="The benchmark it happened to; null in the first update."
    )
    revision: int | None = strawberry.field(
        description="Its revision from then on; null in the first update."
    )
    benchmark: model.Benchmark | None = strawberry.field(
        graphql_type=nullable(BENCHMARK),
        description="The benchmark at that revision; null in the first update, and once it is deleted.",
    )

    @classmethod
    def standing(cls, cursor: str) -> Self:
        return cls(cursor=cursor, outcome=None, at=None, benchmark_id=None, revision=None, benchmark=None)

    @classmethod
    def of(cls, change: BenchmarkChange, cursor: str) -> Self:
        return cls(
            cursor=cursor,
            outcome=change.outcome,
            at=change.at,
            benchmark_id=strawberry.ID(change.benchmark_id),
            revision=change.revision,
            benchmark=change.benchmark,
        )


@record
class BenchmarksFeed:
    """The changes of all benchmarks."""

    changes: LogReader[ChangeCursor, BenchmarkChange] = field(compare=False, repr=False)

    async def after(
        self, position: ChangeCursor
    ) -> AsyncGenerator[Chunk[ChangeCursor, tuple[ChangeCursor, BenchmarkUpdate]], None]:
        async with aclosing(self.changes.chunks(position)) as chunks:
            async for chunk in chunks:
                items = [
                    (change.cursor, BenchmarkUpdate.of(change, self.changes.text(change.cursor)))
                    for change in chunk.items
                ]
                yield Chunk(items, chunk.end, chunk.idle)


async def benchmark_updates(
    info: Info,
    after: Annotated[
        str | None,
        strawberry.argument(
            description="Continue after this cursor, of an update or of `benchmarks{updatesCursor}`; "
            "from now on when not given."
        ),
    ] = None,
) -> AsyncGenerator[BenchmarkUpdate, None]:
    changes = info.context.hub.benchmarks
    cursor = changes.position if after is None else await cursor_argument(changes, after)
    yield BenchmarkUpdate.standing(changes.text(cursor))
    async with aclosing(continue_with(info, BenchmarksFeed(changes), cursor)) as updates:
        async for update in updates:
            yield update
