"""`updatesCursor` stands exactly where its page was read: what follows it begins after what each row shows."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import strawberry
from graphql import parse

from runner_bridge.benchmarks.definitions import Definitions
from runner_bridge.launchers.runner_config import RunnerConfig
from schema import build_schema
from schema.contract.context import Context
from store.batches import batches
from store.benchmarks import benchmarks
from store.live.hub import Hub
from store.model import ExecutionId
from store.postgres.database import Database
from tests.helpers.compiled_servers import by_graphql_core, by_plan, plan_of
from tests.helpers.patience import DEADLINE_S
from tests.helpers.stored_rows import append, background, draft
from tests.helpers.workers import claim

ENGINES = ("graphql-core", "plan")
LISTS = {
    "nodes": "executions { nodes { id revision } updatesCursor }",
    "by score": "executions(orderBy: {field: SCORE}) { nodes { id revision } updatesCursor }",
    "with its place": "executions { pageInfo { hasNextPage } nodes { id revision } updatesCursor }",
    "from its end": "executions(last: 10) { nodes { id revision } updatesCursor }",
    "edges": "executions { edges { cursor node { id revision } } updatesCursor }",
    "with what only Python knows": "executions { nodes { id revision queuePosition } updatesCursor }",
    "of a benchmark": 'benchmark(id: "bench") { executions { nodes { id revision } updatesCursor } }',
    "of a batch": "batch(id: $batch) { executions(last: 10) { nodes { id revision } updatesCursor } }",
}
EMPTY = 'executions(filter: {agents: ["nobody"]}) { nodes { id } pageInfo { hasNextPage } updatesCursor }'
ROUNDS = 4
"""Pages of each kind: each is read at some other moment of the writers."""


@pytest.fixture(scope="module")
def schema() -> strawberry.Schema:
    return build_schema()


@pytest.fixture
async def context(db: Database, hub: Hub) -> Context:
    return Context.build(
        db, hub, RunnerConfig(benchmarks_dir=Path("benchmarks"), agents=("deterministic",)), Definitions()
    )


@pytest.fixture
async def stranger() -> AsyncIterator[None]:
    """A transaction with an id, open somewhere in the cluster all the time."""
    connection = await asyncpg.connect(os.environ["REEV_GQL_TEST_SERVER"])
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_current_xact_id()")
            yield
    finally:
        await connection.close()


async def answer(
    schema: strawberry.Schema, engine: str, context: Context, text: str, **variables: object
) -> Any:
    document = parse(f"query ($batch: ID!) {{ {text} again: batch(id: $batch) {{ id }} }}")
    if engine == "plan":
        data, errors = await by_plan(plan_of(schema, document), variables, context)
    else:
        data, errors = await by_graphql_core(schema, document, variables, context)
    assert not errors
    return data


def connection_in(data: Any) -> Any:
    [found] = [value for key, value in data.items() if key != "again"]
    return found.get("executions", found)


async def busy_batch(db: Database) -> tuple[str, list[ExecutionId]]:
    await benchmarks.upsert(db, draft("bench"))
    agents = [f"agent-{number}" for number in range(5)]
    given: dict[str, Any] = {"benchmark_ids": ["bench"], "agents": agents, "timeout_ms": 1000}
    batch, _ = await batches.request_batch(db, request={}, **given)
    rows = await db.fetch("SELECT id FROM executions WHERE batch_id = $1", batch.id)
    for row in rows:
        assert await claim(db, row["id"]) is not None
    return str(batch.id), [row["id"] for row in rows]


@pytest.mark.parametrize("engine", ENGINES)
async def test_updates_go_on_exactly_after_what_the_page_shows(
    db: Database, hub: Hub, context: Context, schema: strawberry.Schema, stranger: None, engine: str
) -> None:
    batch, ids = await busy_batch(db)

    async def write(execution_id: ExecutionId) -> None:
        ordinal = 0
        while True:
            ordinal += 1
            await append(db, execution_id, ordinal)

    async with asyncio.timeout(4 * DEADLINE_S), background(*map(write, ids)):
        for what, text in LISTS.items():
            for _ in range(ROUNDS):
                page = connection_in(await answer(schema, engine, context, text, batch=batch))
                nodes = page.get("nodes") or [edge["node"] for edge in page["edges"]]
                shown = {node["id"]: node["revision"] for node in nodes}
                assert len(shown) == len(ids)
                assert await next_seqs(hub, page["updatesCursor"], set(shown)) == {
                    id_: revision + 1 for id_, revision in shown.items()
                }, what


async def next_seqs(hub: Hub, cursor: str, ids: set[str]) -> dict[str, int]:
    """The first event of each that is told after `cursor`."""
    found: dict[str, int] = {}
    async with aclosing(hub.updates.follow(await hub.updates.cursor(cursor))) as items:
        async for item in items:
            found.setdefault(str(item.event.execution_id), item.event.seq)
            if set(found) == ids:
                break
    return found


@pytest.mark.parametrize("engine", ENGINES)
async def test_an_empty_page_stands_where_it_was_read_and_one_that_shows_nothing_where_the_server_stood(
    db: Database, hub: Hub, context: Context, schema: strawberry.Schema, engine: str
) -> None:
    # From now on it reads nothing any more.
    await hub.updates.close()
    batch, _ = await busy_batch(db)
    alone = connection_in(await answer(schema, engine, context, "executions { updatesCursor }", batch=batch))
    assert alone["updatesCursor"] == hub.updates.text(hub.updates.position)
    empty = connection_in(await answer(schema, engine, context, EMPTY, batch=batch))
    newest = await db.fetchval(hub.updates.newest)
    assert (empty["nodes"], empty["updatesCursor"]) == ([], hub.updates.text_at(newest))


@pytest.mark.parametrize("engine", ENGINES)
async def test_changes_of_benchmarks_go_on_exactly_after_what_the_page_shows(
    db: Database, hub: Hub, context: Context, schema: strawberry.Schema, stranger: None, engine: str
) -> None:
    batch, _ = await busy_batch(db)

    async def write() -> None:
        number = 0
        while True:
            number += 1
            await benchmarks.upsert(db, draft("busy", str(number)))

    async with asyncio.timeout(2 * DEADLINE_S), background(write()):
        await anext(hub.benchmarks.follow(hub.benchmarks.position))
        for fields in (
            "nodes { id revision }",
            "edges { node { id revision } }",
            "pageInfo { hasNextPage } nodes { id revision }",
        ):
            for _ in range(ROUNDS):
                data = await answer(
                    schema, engine, context, f"benchmarks {{ updatesCursor {fields} }}", batch=batch
                )
                page = connection_in(data)
                nodes = page.get("nodes") or [edge["node"] for edge in page["edges"]]
                [shown] = [node["revision"] for node in nodes if node["id"] == "busy"]
                cursor = await hub.benchmarks.cursor(page["updatesCursor"])
                async with aclosing(hub.benchmarks.follow(cursor)) as changes:
                    assert (await anext(changes)).revision == shown + 1
