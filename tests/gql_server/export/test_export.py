"""/export over HTTP: formats, filters, refusals, limits, and ends that are told from whole exports."""

from __future__ import annotations

import asyncio
import csv
import importlib.util
import io
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import aiohttp
import psutil
import pyarrow.parquet
import pytest
from graphql import GraphQLInputObjectType, get_named_type, is_enum_type, is_list_type, is_scalar_type

from gql_server.export import parquet
from gql_server.process.application import STREAMS
from schema import build_schema
from store.export.columns import COLUMNS, What
from store.postgres.database import Database
from tests.helpers import hard_rows
from tests.helpers.patience import eventually, until
from tests.helpers.site import MakeSite, Site

LARGE = """
INSERT INTO executions (benchmark_id, agent, timeout_ms, status, started_at, ended_at, queued_at, failure_kind,
                        failure_message)
SELECT 'b0', 'large', 1, 'FAILED', now(), now(), now(), 'AGENT', text
FROM generate_series(1, 40) AS n, LATERAL (
    SELECT string_agg(md5((n * 100000 + o)::text), '') AS text FROM generate_series(1, 25000) AS o
) AS large
"""
"""Executions of 32 MB, also as Parquet more than the buffers between server and client."""


async def get(site: Site, path: str, **headers: str) -> tuple[int, bytes]:
    async with site.client.get(f"{site.base}/export/{path}", headers=headers) as response:
        return response.status, await response.read()


async def error_of(site: Site, path: str, **headers: str) -> tuple[int, str, str]:
    status, body = await get(site, path, **headers)
    [error] = json.loads(body)["errors"]
    return status, error["extensions"]["code"], error["message"]


async def test_every_format_of_every_export_has_the_same_rows(site: Site) -> None:
    await hard_rows.fill(site.db)
    for what in What:
        status, lines = await get(site, f"{what}.jsonl")
        rows = [json.loads(line) for line in lines.decode().split("\n")[:-1]]
        assert status == 200
        assert len(rows) >= (hard_rows.COUNT if what in (What.EXECUTIONS, What.TOOL_CALLS) else 0)
        status, body = await get(site, f"{what}.csv")
        assert len(list(csv.reader(io.StringIO(body.decode(), newline="")))) == len(rows) + 1
        status, body = await get(site, f"{what}.parquet")
        table = pyarrow.parquet.read_table(io.BytesIO(body))
        assert table.schema.names == [column.name for column in COLUMNS[what]]
        found = table.to_pylist()
        assert len(found) == len(rows)
        for row, told in zip(found, rows, strict=True):
            for name, value in row.items():
                if hasattr(value, "isoformat"):
                    value = value.isoformat(timespec="microseconds").replace("+00:00", "Z")
                elif name in ("params", "result", "data", "tags") and value is not None:
                    value = json.loads(value)
                assert value == told[name], name


def sample(type_: Any) -> str:
    """A parameter of that type."""
    named = get_named_type(type_)
    if is_enum_type(named):
        return str(list(named.values)[-1])
    assert is_scalar_type(named)
    return {
        "Boolean": "true",
        "Float": "0.5",
        "Int": "1",
        "DateTime": "2026-03-29T03:00",
        "String": "t1",
    }.get(named.name, "b1" if is_list_type(type_) else str(uuid.uuid4()))


async def test_every_field_of_the_filter_is_a_parameter_with_the_same_meaning(site: Site) -> None:
    await hard_rows.fill(site.db)
    query = "query ($filter: ExecutionFilter) { executions(first: 200, filter: $filter) { nodes { id } } }"
    fields = cast(GraphQLInputObjectType, build_schema()._schema.type_map["ExecutionFilter"]).fields
    assert len(fields) >= 13
    different = 0
    for name, field in fields.items():
        text = sample(field.type)
        value: Any = json.loads(text) if text in ("true", "0.5", "1") else text
        variables = {"filter": {name: [value] if is_list_type(field.type) else value}}
        answer = (await site.post(query, variables))[1]
        expected = {node["id"] for node in answer["data"]["executions"]["nodes"]}
        status, body = await get(site, f"executions.jsonl?{name}={text}")
        assert status == 200, (name, body)
        found = {json.loads(line)["id"] for line in body.splitlines()}
        assert found == expected, name
        different += 0 < len(found) < hard_rows.COUNT
    assert different >= 6
    both = {
        json.loads(line)["agent"]
        for line in (await get(site, "executions.jsonl?agents=plain&agents=x"))[1].splitlines()
    }
    assert both == {"plain"}


async def test_what_cannot_be_answered_is_refused_with_what_would_be(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path, status, code, says in (
        ("executions.xml", 404, "NOT_FOUND", "csv, jsonl, parquet"),
        ("benchmarks.csv", 404, "NOT_FOUND", "executions, tool-calls, messages, events"),
        ("executions.csv?agent=x", 400, "BAD_REQUEST", "agents"),
        ("executions.csv?statuses=DONE", 400, "BAD_REQUEST", "SUCCEEDED"),
        ("executions.csv?solved=1", 400, "BAD_REQUEST", "true or false"),
        ("executions.csv?solved=true&solved=true", 400, "BAD_REQUEST", "more than once"),
        ("executions.csv?since=yesterday", 400, "BAD_REQUEST", "DateTime"),
        ("executions.csv?scoreAtLeast=nan", 400, "BAD_REQUEST", "Float"),
        ("executions.csv?text=%ff", 400, "BAD_REQUEST", "UTF-8"),
        ("executions.csv?batchId=1", 400, "INVALID_ID", "UUID"),
        ("executions.csv?until=0001-01-01T00:00:00%2B14:00", 400, "INVALID_TIME", "years"),
    ):
        found = await error_of(site, path)
        assert found[:2] == (status, code), path
        assert says in found[2], path
    assert (await error_of(site, "executions.csv", **{"Sec-Fetch-Site": "cross-site"}))[0] == 403
    async with site.client.head(f"{site.base}/export/executions.csv") as response:
        assert response.headers["Content-Disposition"] == 'attachment; filename="executions.csv"'
        assert response.status == 200
    real = importlib.util.find_spec
    with monkeypatch.context() as without_pyarrow:
        without_pyarrow.setattr(
            importlib.util, "find_spec", lambda name, *_: None if name == "pyarrow" else real(name)
        )
        status, code, message = await error_of(site, "executions.parquet")
    assert (status, code) == (501, "FORMAT_NOT_INSTALLED")
    assert "reev-gql[parquet]" in message
    monkeypatch.setattr(parquet, "PROGRAM", "gql_server.export.no_such_program")
    assert (await error_of(site, "executions.parquet"))[:2] == (503, "INTERNAL")


@asynccontextmanager
async def unread(site: Site, path: str = "executions.csv") -> AsyncIterator[aiohttp.ClientResponse]:
    """An export that has begun, and of which nothing more is read."""
    async with aiohttp.ClientSession() as client, client.get(f"{site.base}/export/{path}") as response:
        assert response.status == 200
        yield response


async def snapshots(db: Database) -> int:
    return int(
        await db.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%'"
        )
    )


async def no_snapshot(db: Database) -> bool:
    """PostgreSQL ends a session some moments after its client has left."""
    return await snapshots(db) == 0


def parquet_processes() -> list[psutil.Process]:
    found = []
    for one in psutil.Process().children():
        # A child of another test may end meanwhile.
        with suppress(psutil.NoSuchProcess):
            found += [one] if parquet.PROGRAM in one.cmdline() else []
    return found


async def test_so_many_run_at_once_and_those_that_leave_make_room(make_site: MakeSite) -> None:
    site = await make_site(max_exports=1)
    await site.db.execute(LARGE)
    for path in ("executions.csv", "executions.parquet?agents=large"):
        async with unread(site, path):
            async with site.client.get(f"{site.base}/export/events.csv") as response:
                assert (response.status, response.headers["Retry-After"]) == (503, "10")
                assert (await response.json())["errors"][0]["extensions"]["code"] == "TOO_MANY_EXPORTS"
            if "parquet" not in path:
                assert await snapshots(site.db) == 1
        await until(lambda: site.open_streams == 0)
        await eventually(lambda: no_snapshot(site.db))
        assert not parquet_processes()
    assert (await get(site, "events.csv"))[0] == 200


async def test_who_does_not_read_is_cut_off(make_site: MakeSite) -> None:
    site = await make_site(answer_timeout_s=0.2)
    await site.db.execute(LARGE)
    async with unread(site) as response:
        await until(lambda: site.open_streams == 0)
        await eventually(lambda: no_snapshot(site.db))
        with pytest.raises(aiohttp.ClientError):
            await response.read()


async def test_an_export_that_takes_too_long_is_broken_off(make_site: MakeSite, db: Database) -> None:
    site = await make_site(export_timeout_s=0.2)
    await db.execute(LARGE)
    async with unread(site) as response:
        await until(lambda: site.open_streams == 0)
        with pytest.raises(aiohttp.ClientError):
            await response.read()
    async with db.transaction() as connection:
        await connection.execute("LOCK TABLE executions")
        status, code, message = await error_of(site, "executions.csv")
    assert (status, code) == (503, "OPERATION_TIMEOUT")
    assert "REEV_GQL_EXPORT_TIMEOUT_S" in message


async def test_a_failure_in_the_middle_never_looks_like_the_end(site: Site) -> None:
    await site.db.execute(LARGE)
    for break_it in ("the database", "the server"):
        async with unread(site) as response:
            if break_it == "the server":
                await site.app[STREAMS].end_all()
            else:
                await site.db.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND query LIKE 'COPY%'"
                )
            with pytest.raises(aiohttp.ClientError):
                await response.read()
    async with asyncio.timeout(60):
        assert (await get(site, "executions.csv"))[1].count(b"\n") == 41
