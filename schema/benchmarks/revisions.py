"""The revisions of a benchmark, and what differs between two of them."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Self

import strawberry
from strawberry.scalars import JSON

from runner_bridge.formats.errors import path_text
from schema.benchmarks.remarks import Remark
from schema.contract.context import Info
from schema.contract.enums import DefinitionChangeKind, DiffLineKind
from schema.contract.pagination import PageInfo, Window, decode_cursor, encode_cursor, foreign_cursor
from schema.differences.text_diff import Hunk, diff_texts, unified
from schema.differences.tree_diff import Change, diff_trees
from store import model
from store.benchmarks.revisions import NEWEST, Revision
from store.model import BenchmarkId

CURSOR_KIND = "revisions"

LARGEST_LISTING = 5_000
"""Lines, and changed parts, that a diff gives one by one; beyond that there is its text."""


@strawberry.type(description="One revision of a benchmark's content.")
class BenchmarkRevision:
    row: strawberry.Private[Revision]
    revision: int = strawberry.field(description="Counted from 1.")
    content_hash: str = strawberry.field(description="SHA-256 of its source, in hex; equal means the same.")
    created_at: dt.datetime = strawberry.field(description="When it was stored.")

    @classmethod
    def of(cls, row: Revision) -> Self:
        return cls(row=row, revision=row.revision, content_hash=row.content_hash, created_at=row.created_at)

    async def _content(self, info: Info) -> model.Benchmark:
        key = (self.row.benchmark_id, self.row.revision)
        found = await info.context.loaders.benchmark_revision.load(key)
        if found is None:
            raise LookupError(f"revision {self.row.revision} of {self.row.benchmark_id} vanished")
        return found

    @strawberry.field(description="Its YAML text.")
    async def source(self, info: Info) -> str:
        return (await self._content(info)).source

    @strawberry.field(description="The whole definition as JSON, no key lost.")
    async def definition(self, info: Info) -> JSON:
        return JSON((await self._content(info)).definition)

    @strawberry.field(description="What of it cannot be evaluated here, or what upstream would refuse.")
    async def remarks(self, info: Info) -> list[Remark]:
        return [Remark.of(remark) for remark in (await self._content(info)).remarks]


@strawberry.type(description="A revision in a list.")
class BenchmarkRevisionEdge:
    cursor: str = strawberry.field(description="Its position in the list; for `after`.")
    node: BenchmarkRevision = strawberry.field(description="The revision.")


@strawberry.type(description="A page of a benchmark's revisions, newest first.")
class BenchmarkRevisionConnection:
    benchmark_id: strawberry.Private[BenchmarkId]
    edges: list[BenchmarkRevisionEdge] = strawberry.field(description="The revisions with their cursors.")
    page_info: PageInfo = strawberry.field(description="The position of the page in the list.")

    @strawberry.field(description="The revisions without their cursors.")
    def nodes(self) -> list[BenchmarkRevision]:
        return [edge.node for edge in self.edges]

    @strawberry.field(description="How many revisions there are; counted only when selected.")
    async def total_count(self, info: Info) -> int:
        return await info.context.loaders.revision_count.load(self.benchmark_id)


@strawberry.type(description="A line of a diff.")
class DiffLine:
    kind: DiffLineKind = strawberry.field(description="Which of the two texts it is in.")
    text: str = strawberry.field(description="The line without its line feed.")
    left: int | None = strawberry.field(
        name="fromLine", description="Its number in the former text; null when added."
    )
    right: int | None = strawberry.field(
        name="toLine", description="Its number in the later text; null when removed."
    )
    has_line_feed: bool = strawberry.field(
        description="Whether a line feed ends it; only a text's last line may lack one."
    )


@strawberry.type(description="A part of a text with changes, and some lines around them.")
class DiffHunk:
    left_start: int = strawberry.field(
        name="fromStart", description="Its first line in the former text, from 1."
    )
    left_count: int = strawberry.field(
        name="fromCount", description="How many lines of the former text it covers."
    )
    right_start: int = strawberry.field(
        name="toStart", description="Its first line in the later text, from 1."
    )
    right_count: int = strawberry.field(
        name="toCount", description="How many lines of the later text it covers."
    )
    lines: list[DiffLine] = strawberry.field(description="The lines, in order.")


@strawberry.type(description="A changed part of the definition.")
class DefinitionChange:
    path: str = strawberry.field(
        description="Where, such as `ground_truth.final_state_assertions[4].expected`."
    )
    kind: DefinitionChangeKind = strawberry.field(description="What became of it.")
    before: JSON | None = strawberry.field(description="Its value before; null when added.")
    after: JSON | None = strawberry.field(description="Its value afterwards; null when removed.")

    @classmethod
    def of(cls, change: Change) -> Self:
        return cls(path=path_text(change.path), kind=change.kind, before=change.before, after=change.after)


@strawberry.type(description="What differs between two revisions: line by line, and part by part.")
class BenchmarkDiff:
    former: strawberry.Private[model.Benchmark]
    later: strawberry.Private[model.Benchmark]
    all_hunks: strawberry.Private[tuple[Hunk, ...]]
    all_changes: strawberry.Private[tuple[Change, ...]]
    from_revision: int = strawberry.field(description="The revision that is compared.")
    to_revision: int = strawberry.field(description="The revision it is compared with.")

    @classmethod
    async def of(cls, former: model.Benchmark, later: model.Benchmark) -> Self:
        hunks, changes = await asyncio.to_thread(_compare, former, later)
        return cls(
            former=former,
            later=later,
            all_hunks=hunks,
            all_changes=changes,
            from_revision=former.revision,
            to_revision=later.revision,
        )

    @strawberry.field(description="Whether both have the same text.")
    def identical(self) -> bool:
        return not self.all_hunks

    @strawberry.field(description="Whether `hunks` and `changes` hold all there is; `unified` always does.")
    def complete(self) -> bool:
        return len(_listed(self.all_hunks)) == len(self.all_hunks) and (
            len(self.all_changes) <= LARGEST_LISTING
        )

    @strawberry.field(
        graphql_type=list[DiffHunk], description="The changed parts of the source, up to 5000 lines together."
    )
    def hunks(self) -> Sequence[Hunk]:
        return _listed(self.all_hunks)

    @strawberry.field(description="The whole diff of the sources as text, as `patch` takes it.")
    def unified(self) -> str:
        names = [f"{benchmark.id}@{benchmark.revision}" for benchmark in (self.former, self.later)]
        return unified(self.all_hunks, *names)

    @strawberry.field(description="The changed parts of the definition, at most 5000.")
    def changes(self) -> list[DefinitionChange]:
        return [DefinitionChange.of(change) for change in self.all_changes[:LARGEST_LISTING]]


def _compare(former: model.Benchmark, later: model.Benchmark) -> tuple[tuple[Hunk, ...], tuple[Change, ...]]:
    return diff_texts(former.source, later.source), tuple(diff_trees(former.definition, later.definition))


def _listed(hunks: tuple[Hunk, ...]) -> list[Hunk]:
    listed, lines = [], 0
    for hunk in hunks:
        lines += len(hunk.lines)
        if lines > LARGEST_LISTING:
            break
        listed.append(hunk)
    return listed


async def revisions_of(info: Info, benchmark_id: BenchmarkId, window: Window) -> BenchmarkRevisionConnection:
    """The page of the benchmark's revisions that `window` asks for; forwards only."""
    before = NEWEST if window.after is None else _revision_of(window.after)
    page = await info.context.loaders.revisions.load((benchmark_id, window.limit, before))
    edges = [
        BenchmarkRevisionEdge(
            cursor=encode_cursor(CURSOR_KIND, str(row.revision)), node=BenchmarkRevision.of(row)
        )
        for row in page.items
    ]
    return BenchmarkRevisionConnection(
        benchmark_id=benchmark_id,
        edges=edges,
        page_info=PageInfo.of(edges, page.has_next, page.has_previous),
    )


def _revision_of(cursor: str) -> int:
    [text] = decode_cursor(CURSOR_KIND, cursor, 1)
    if not text.isascii() or not text.isdigit() or len(text) > 10 or not 1 <= int(text) <= NEWEST:
        raise foreign_cursor(CURSOR_KIND)
    return int(text)


async def diff_of(info: Info, benchmark_id: BenchmarkId, former: int, later: int) -> BenchmarkDiff | None:
    """The diff of two revisions; None when one does not exist."""
    loader = info.context.loaders.benchmark_revision
    found = await loader.load_many([(benchmark_id, former), (benchmark_id, later)])
    if found[0] is None or found[1] is None:
        return None
    return await BenchmarkDiff.of(found[0], found[1])
