"""Lists of batches: the connection, and which batches."""

import datetime as dt
import uuid
from typing import Annotated

import strawberry

from schema.contract.context import Info
from schema.contract.enums import BatchStatus
from schema.contract.filter_bounds import text, values
from schema.contract.pagination import (
    After,
    Before,
    First,
    Last,
    PageInfo,
    Window,
    decode_cursor,
    encode_time_cursor_parts,
    parse_time_cursor_parts,
)
from schema.contract.references import BATCH, list_of
from store import model
from store.batches import batch_listing
from store.batches.batch_listing import BatchBounds

CURSOR_KIND = "batches"


@strawberry.input(description="Which batches. Every condition given must hold.")
class BatchFilter:
    tags: list[str] | None = strawberry.field(default=None, description="With all of these tags.")
    text: str | None = strawberry.field(
        default=None, description="With this text in name or note, in any case."
    )

    statuses: list[BatchStatus] | None = strawberry.field(default=None, description="In any of these states.")

    def conditions(self) -> batch_listing.BatchFilter:
        """Raises RequestError."""
        return batch_listing.BatchFilter(
            tags=values("tags", self.tags),
            text=text("text", self.text),
            statuses=values("statuses", self.statuses),
        )


@strawberry.type(description="A batch in a list.")
class BatchEdge:
    cursor: str = strawberry.field(description="Its position in the list; for `after` and `before`.")
    node: model.Batch = strawberry.field(graphql_type=BATCH, description="The batch.")


@strawberry.type(description="A page of batches, newest first.")
class BatchConnection:
    filter: strawberry.Private[batch_listing.BatchFilter]
    bounds: strawberry.Private[BatchBounds]
    edges: list[BatchEdge] = strawberry.field(description="The batches with their cursors.")
    page_info: PageInfo = strawberry.field(description="The position of the page in the list.")

    @strawberry.field(graphql_type=list_of(BATCH), description="The batches without their cursors.")
    def nodes(self) -> list[model.Batch]:
        return [edge.node for edge in self.edges]

    @strawberry.field(description="How many batches match the filter; counted only when selected.")
    async def total_count(self, info: Info) -> int:
        return await batch_listing.count(info.context.db, self.filter)

    @strawberry.field(
        description="How many that match the filter precede this page; counted only when selected."
    )
    async def offset(self, info: Info) -> int:
        if self.edges:
            first = self.edges[0].node
            return await batch_listing.count(info.context.db, self.filter, (first.requested_at, first.id))
        is_beyond = self.bounds.after is not None and not self.bounds.backwards
        return await batch_listing.count(info.context.db, self.filter) if is_beyond else 0


async def batches(
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    filter: Annotated[
        BatchFilter | None, strawberry.argument(description="Which batches; all when not given.")
    ] = None,
) -> BatchConnection:
    window = Window.of(first, after, last, before)
    conditions = filter.conditions() if filter is not None else batch_listing.BatchFilter()
    bounds = BatchBounds(window.limit, _key(window.after), _key(window.before), window.backwards)
    page = await batch_listing.page(info.context.db, conditions, bounds)
    edges = [
        BatchEdge(cursor=encode_time_cursor_parts(CURSOR_KIND, (), row.requested_at, row.id), node=row)
        for row in page.items
    ]
    return BatchConnection(
        filter=conditions,
        bounds=bounds,
        edges=edges,
        page_info=PageInfo.of(edges, page.has_next, page.has_previous),
    )


def _key(cursor: str | None) -> tuple[dt.datetime, uuid.UUID] | None:
    return (
        None
        if cursor is None
        else parse_time_cursor_parts(CURSOR_KIND, decode_cursor(CURSOR_KIND, cursor, 2))
    )
