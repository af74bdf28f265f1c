"""Load functions of nested pages: one statement for all parents with the same page arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from store import model
from store.benchmarks import revisions
from store.benchmarks.revisions import Revision
from store.executions import filters, listing
from store.executions.listing import Parent
from store.executions.ordering import ExecutionKey
from store.model import BenchmarkId, Page
from store.postgres.database import Database
from store.postgres.keyset import LogQuery
from store.records import record


@record
class NestedPage:
    """A page of the executions that belong to one parent."""

    parent: Parent
    parent_id: str | UUID | None
    filter: filters.ExecutionFilter
    limit: int
    after: ExecutionKey | None
    before: ExecutionKey | None
    backwards: bool
    log: LogQuery | None
    """Gives the position in the log; None where that is not selected."""


@record
class NestedCount:
    """How many executions of one parent match a filter."""

    parent: Parent
    parent_id: str | UUID
    filter: filters.ExecutionFilter


RevisionsPage = tuple[BenchmarkId, int, int]
"""Benchmark, how many revisions, and below which."""


async def executions_of(
    db: Database, keys: Sequence[NestedPage]
) -> Mapping[NestedPage, Page[model.Execution]]:
    """The page of each key."""
    found: dict[NestedPage, Page[model.Execution]] = {}
    for shape in dict.fromkeys(replace(key, parent_id=None) for key in keys):
        alike = [key for key in keys if replace(key, parent_id=None) == shape]
        parents = [key.parent_id for key in alike if key.parent_id is not None]
        pages = await listing.executions_of(
            db,
            shape.parent,
            parents,
            shape.filter,
            limit=shape.limit,
            after=shape.after,
            before=shape.before,
            backwards=shape.backwards,
            log=shape.log,
        )
        found |= {key: pages[key.parent_id] for key in alike if key.parent_id is not None}
    return found


async def count_executions_of(db: Database, keys: Sequence[NestedCount]) -> Mapping[NestedCount, int]:
    """The count of each key."""
    found: dict[NestedCount, int] = {}
    for parent, filter in dict.fromkeys((key.parent, key.filter) for key in keys):
        alike = [key for key in keys if (key.parent, key.filter) == (parent, filter)]
        counts = await listing.count_executions_of(db, parent, [key.parent_id for key in alike], filter)
        found |= {key: counts[key.parent_id] for key in alike}
    return found


async def revisions_of(db: Database, keys: Sequence[RevisionsPage]) -> Mapping[RevisionsPage, Page[Revision]]:
    """The page of each key."""
    found: dict[RevisionsPage, Page[Revision]] = {}
    for limit, before in dict.fromkeys((limit, before) for _, limit, before in keys):
        ids = [benchmark_id for benchmark_id, *shape in keys if shape == [limit, before]]
        pages = await revisions.pages_of(db, ids, limit=limit, before=before)
        found |= {(benchmark_id, limit, before): page for benchmark_id, page in pages.items()}
    return found
