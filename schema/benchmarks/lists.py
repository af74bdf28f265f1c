"""Lists of benchmarks: the connection, which benchmarks, and the tags that they have."""

from contextlib import suppress
from typing import Annotated, Any

import strawberry

from schema.benchmarks.benchmark import configured_agents
from schema.benchmarks.json_lists import JsonNodes, benchmark_nodes
from schema.contract.context import Info
from schema.contract.enums import ExecutionStatus
from schema.contract.errors import RequestError
from schema.contract.filter_bounds import text, values
from schema.contract.ids import benchmark_id_argument
from schema.contract.json_selection import ready
from schema.contract.pagination import (
    LARGEST_PAGE,
    After,
    Before,
    First,
    Last,
    PageInfo,
    Window,
    decode_cursor,
    encode_cursor,
)
from schema.contract.references import BENCHMARK, CELL_FIGURES, list_of
from schema.contract.updates_cursor import UpdatesCursor
from store import model
from store.benchmarks import listing
from store.benchmarks.listing import BenchmarkBounds
from store.figures import reading
from store.figures.reading import FilteredSums
from store.json import lists
from store.json.rows import NeedsRows

CURSOR_KIND = "benchmarks"


@strawberry.input(description="Which benchmarks. Every condition given must hold.")
class BenchmarkFilter:
    ids: list[strawberry.ID] | None = strawberry.field(default=None, description="With one of these ids.")
    tags: list[str] | None = strawberry.field(default=None, description="With all of these tags.")
    text: str | None = strawberry.field(
        default=None, description="With this text in id, description or prompt, in any case."
    )
    include_archived: bool = strawberry.field(default=False, description="Also those that are archived.")
    newest_statuses: list[ExecutionStatus] | None = strawberry.field(
        default=None, description="Whose newest execution by one of the agents is in one of these states."
    )
    untested: bool = strawberry.field(
        default=False,
        description="Without an execution by one of the agents; together with `newestStatuses` either is enough.",
    )
    every_attempt_solved: bool | None = strawberry.field(
        default=None,
        description="True: one of the agents attempted it and solved every attempt; false: one of them did not "
        "solve all. Each settings of its model count by themselves, at the newest revision attempted with them.",
    )
    agents: list[str] | None = strawberry.field(
        default=None,
        description="The agents that the three conditions above are about; when not given all that are "
        "configured or ever executed anything.",
    )

    def conditions(self, info: Info) -> listing.BenchmarkFilter:
        """Raises RequestError."""
        return listing.BenchmarkFilter(
            statuses=values("newestStatuses", self.newest_statuses),
            untested=self.untested,
            every_solved=self.every_attempt_solved,
            agents=values("agents", self.agents),
            configured=configured_agents(info),
            ids=tuple(benchmark_id_argument(one) for one in values("ids", self.ids)),
            tags=values("tags", self.tags),
            text=text("text", self.text),
            include_archived=self.include_archived,
        )


@strawberry.type(description="A benchmark in a list.")
class BenchmarkEdge:
    cursor: str = strawberry.field(description="Its position in the list; for `after` and `before`.")
    node: model.Benchmark = strawberry.field(graphql_type=BENCHMARK, description="The benchmark.")


@strawberry.type(description="A page of benchmarks, by id.")
class BenchmarkConnection:
    filter: strawberry.Private[listing.BenchmarkFilter]
    ids: strawberry.Private[list[model.BenchmarkId]]
    bounds: strawberry.Private[BenchmarkBounds]
    edges: list[BenchmarkEdge] = strawberry.field(description="The benchmarks with their cursors.")
    page_info: PageInfo = strawberry.field(description="The position of the page in the list.")
    updates_cursor: str = strawberry.field(
        description="For `benchmarkUpdates(after:)`: the position in the log when this page was read. "
        "Without nodes, edges and pageInfo it is a position before this list and the lists beside it were "
        "read."
    )
    json_nodes: strawberry.Private[Any] = None
    """The nodes as JSON, where no edges are selected; `edges` is empty then."""

    @strawberry.field(graphql_type=list_of(BENCHMARK), description="The benchmarks without their cursors.")
    def nodes(self) -> list[model.Benchmark]:
        return self.json_nodes or [edge.node for edge in self.edges]

    @strawberry.field(description="How many benchmarks match the filter; counted only when selected.")
    async def total_count(self, info: Info) -> int:
        return await listing.count(info.context.db, self.filter)

    @strawberry.field(
        description="How many that match the filter precede this page; counted only when selected."
    )
    async def offset(self, info: Info) -> int:
        if self.ids:
            return await listing.count(info.context.db, self.filter, before=self.ids[0])
        is_beyond = self.bounds.after is not None and not self.bounds.backwards
        return await listing.count(info.context.db, self.filter) if is_beyond else 0

    @strawberry.field(
        graphql_type=list_of(CELL_FIGURES),
        description="What attempts say at the benchmarks of this page: by agent, settings, benchmark and "
        "revision, in this order. As many as there are.",
    )
    async def figures(self, info: Info) -> list[FilteredSums]:
        return await reading.at_benchmarks(info.context.db, self.ids)


@strawberry.type(description="A tag of benchmarks.")
class BenchmarkTag:
    name: str = strawberry.field(description="The tag.")
    benchmarks: int = strawberry.field(description="How many benchmarks that are not archived have it.")


@strawberry.type(description="The tags of benchmarks, the most frequent first.")
class BenchmarkTags:
    nodes: list[BenchmarkTag] = strawberry.field(description="As many as asked for.")
    total_count: int = strawberry.field(description="How many tags there are.")


async def benchmark_tags(
    info: Info,
    first: Annotated[int, strawberry.argument(description=f"How many: 1 to {LARGEST_PAGE}.")] = LARGEST_PAGE,
) -> BenchmarkTags:
    if not 1 <= first <= LARGEST_PAGE:
        raise RequestError("PAGE_SIZE", f"`first` is {first}; a page has 1 to {LARGEST_PAGE} items")
    found = await listing.tags(info.context.db, first)
    nodes = [BenchmarkTag(name=name, benchmarks=number) for name, number in found.counts]
    return BenchmarkTags(nodes=nodes, total_count=found.total)


async def benchmarks(
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    filter: Annotated[
        BenchmarkFilter | None,
        strawberry.argument(description="Which benchmarks; all that are not archived when not given."),
    ] = None,
) -> BenchmarkConnection:
    window = Window.of(first, after, last, before)
    conditions = filter.conditions(info) if filter is not None else listing.BenchmarkFilter()
    cursor = UpdatesCursor(info, info.context.hub.benchmarks)
    bounds = BenchmarkBounds(window.limit, _key(window.after), _key(window.before), window.backwards)
    if (shape := benchmark_nodes(info)) is not None:
        with suppress(NeedsRows):
            return await _as_json(info, shape, conditions, bounds, cursor)
    page = await listing.page(info.context.db, conditions, bounds, cursor.log)
    edges = [BenchmarkEdge(cursor=encode_cursor(CURSOR_KIND, row.id), node=row) for row in page.items]
    return BenchmarkConnection(
        filter=conditions,
        ids=[row.id for row in page.items],
        bounds=bounds,
        edges=edges,
        page_info=PageInfo.of(edges, page.has_next, page.has_previous),
        updates_cursor=cursor.of(page.log_position),
    )


async def _as_json(
    info: Info,
    shape: JsonNodes,
    conditions: listing.BenchmarkFilter,
    bounds: BenchmarkBounds,
    cursor: UpdatesCursor,
) -> BenchmarkConnection:
    """The same page, its nodes written as JSON by PostgreSQL."""
    page = await lists.benchmarks(
        info.context.db, shape.rows, conditions, bounds, configured_agents(info), cursor.log
    )
    ids = [item.id for item in page.items]
    nodes = [shape.text(item, info.context.definitions) for item in page.items]
    return BenchmarkConnection(
        filter=conditions,
        ids=ids,
        bounds=bounds,
        edges=[],
        page_info=PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=encode_cursor(CURSOR_KIND, ids[0]) if ids else None,
            end_cursor=encode_cursor(CURSOR_KIND, ids[-1]) if ids else None,
        ),
        updates_cursor=cursor.of(page.log_position),
        json_nodes=ready(f"[{','.join(nodes)}]"),
    )


def _key(cursor: str | None) -> str | None:
    return None if cursor is None else decode_cursor(CURSOR_KIND, cursor, 1)[0]
