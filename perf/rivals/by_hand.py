"""What a good engineer writes by hand for one page: aiohttp, asyncpg, orjson and uvloop, and nothing in between.

    python -m perf.rivals.by_hand reset|rows|json PORT DATABASE_URL

No documents, limits, tokens, timeouts or masked errors. `reset`: a pool as asyncpg makes it; `rows`: one that
hands connections out as they are; `json`: the same, with answers built by PostgreSQL.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import uvloop
from aiohttp import web

from perf.load import seed
from perf.rivals.serving import serve
from runner_bridge.formats.benchmarks.benchmark import parse_benchmark
from runner_bridge.formats.benchmarks.runnable import why_not_runnable
from runner_bridge.formats.errors import FormatError
from store import sql

FILE = Path(__file__).with_suffix(".sql")
SQL = sql.blocks(FILE.read_text(), FILE.name)

HEAD, TAIL = b'{"data":', b"}"

Answer = Callable[[Any, web.Request], Awaitable[bytes]]


async def list_rows(connection: Any, request: web.Request) -> bytes:
    rows = await connection.fetch(SQL["list"], int(request.query["first"]))
    return _encoded({"executions": {"nodes": [dict(row) for row in rows]}})


async def one_row(connection: Any, request: web.Request) -> bytes:
    row = await connection.fetchrow(SQL["by_id"], request.match_info["id"])
    return _encoded({"execution": None if row is None else dict(row)})


async def nested_rows(connection: Any, request: web.Request) -> bytes:
    nodes = [dict(row) for row in await connection.fetch(SQL["nested"], int(request.query["first"]))]
    calls: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in await connection.fetch(SQL["tool_calls"], [node["id"] for node in nodes]):
        call = dict(row)
        calls[call.pop("execution_id")].append(call)
    for node in nodes:
        benchmark_id, description = node["benchmark"], node.pop("description")
        node["benchmark"] = None if benchmark_id is None else {"id": benchmark_id, "description": description}
        node["toolCalls"] = calls.get(node["id"], ())
    return _encoded({"executions": {"nodes": nodes}})


async def grid_rows(connection: Any, request: web.Request) -> bytes:
    agents, performance = await connection.fetch(SQL["agents"]), await connection.fetch(SQL["performance"])
    benchmarks = [_benchmark(row) for row in await connection.fetch(SQL["benchmarks"])]
    ids = [benchmark["id"] for benchmark in benchmarks]
    latest: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in await connection.fetch(SQL["latest"], ids, AGENTS):
        latest[row["benchmarkId"]].append(_cell(row))
    recent: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in await connection.fetch(SQL["recent"], ids):
        recent[row["benchmarkId"]].append(dict(row))
    for benchmark in benchmarks:
        benchmark["latestExecutions"] = latest.get(benchmark["id"], ())
        benchmark["executions"] = {"nodes": recent.get(benchmark["id"], ())}
    return _grid(agents, performance, benchmarks)


async def list_json(connection: Any, request: web.Request) -> bytes:
    return _wrapped(await connection.fetchval(SQL["list_json"], int(request.query["first"])))


async def one_json(connection: Any, request: web.Request) -> bytes:
    return _wrapped(await connection.fetchval(SQL["by_id_json"], request.match_info["id"]))


async def nested_json(connection: Any, request: web.Request) -> bytes:
    return _wrapped(await connection.fetchval(SQL["nested_json"], int(request.query["first"])))


async def grid_json(connection: Any, request: web.Request) -> bytes:
    agents, performance = await connection.fetch(SQL["agents"]), await connection.fetch(SQL["performance"])
    benchmarks = []
    for row in await connection.fetch(SQL["grid_json"], AGENTS):
        benchmark = _benchmark(row)
        for name in ("latestExecutions", "executions"):
            benchmark[name] = orjson.Fragment(benchmark[name])
        benchmarks.append(benchmark)
    return _grid(agents, performance, benchmarks)


ROWS = {
    "/executions": list_rows,
    "/executions/{id}": one_row,
    "/nested": nested_rows,
    "/grid": grid_rows,
}
JSON = {
    "/executions": list_json,
    "/executions/{id}": one_json,
    "/nested": nested_json,
    "/grid": grid_json,
}
CURSOR = "0"
"""Where the streams of this server would stand."""

AGENTS = list(seed.AGENTS)
"""Those that our server is started with."""

_why_not: dict[str, str | None] = {}


def _benchmark(row: Any) -> dict[str, Any]:
    benchmark = dict(row)
    content_hash, source = benchmark.pop("content_hash"), benchmark.pop("source")
    if content_hash not in _why_not:
        _why_not[content_hash] = _why_not_runnable(source)
    why = _why_not[content_hash]
    return {**benchmark, "runnableLocally": why is None, "whyNotRunnableLocally": why}


def _why_not_runnable(source: str) -> str | None:
    try:
        return why_not_runnable(parse_benchmark(source.encode(), "definition"))
    except FormatError as error:
        return f"its definition cannot be read: {error}"


def _cell(row: Any) -> dict[str, Any]:
    cell = dict(row)
    done, total = cell.pop("steps_done"), cell.pop("steps_total")
    kind, message = cell.pop("failure_kind"), cell.pop("failure_message")
    fraction = None if done is None or total is None else min(1.0, done / total)
    cell["progress"] = {"fraction": fraction, "stepsDone": done, "stepsTotal": total}
    cell["failure"] = None if kind is None else {"kind": kind, "message": message}
    return cell


def _grid(stored: list[Any], performance: list[Any], benchmarks: list[dict[str, Any]]) -> bytes:
    figures = [
        {
            "agent": row["agent"],
            "executions": row["executions"],
            "attempts": row["attempts"],
            "solved": row["solved"],
            "solveRate": _mean(row["solved"], row["attempts"]),
            "meanComputedScore": _mean(row["attempts_computed_sum"], row["attempts_computed"]),
            "reported": {"mean": _mean(row["score_sum"], row["scored"]), "latest": row["score_latest"]},
            "recomputed": {
                "mean": _mean(row["computed_sum"], row["computed"]),
                "latest": row["computed_latest"],
            },
            "executionTime": {"meanMs": _mean(row["time_sum_ms"], row["timed"])},
        }
        for row in performance
    ]
    models = {row["agent"]: {"model": row["model"]} for row in stored}
    agents = [
        {"name": agent, "usesModel": agent != "deterministic", "config": models.get(agent)}
        for agent in dict.fromkeys([*AGENTS, *models])
    ]
    return _encoded(
        {
            "viewer": {"scope": "ADMIN"},
            "executions": {"updatesCursor": CURSOR},
            "agents": agents,
            "agentPerformance": figures,
            "benchmarks": {"updatesCursor": CURSOR, "nodes": benchmarks},
        }
    )


def _mean(total: float, count: int) -> float | None:
    return total / count if count else None


def _encoded(data: dict[str, Any]) -> bytes:
    return orjson.dumps({"data": data})


def _wrapped(text: str) -> bytes:
    return HEAD + text.encode() + TAIL


async def _keep(_: Any) -> None:
    """Nothing of a connection needs resetting: no statement here changes it."""


async def open_pool(variant: str, url: str) -> Any:
    options = {} if variant == "reset" else {"reset": _keep}
    return await asyncpg.create_pool(
        url, min_size=1, max_size=10, server_settings={"timezone": "UTC"}, **options
    )


def create_app(variant: str, pool: Any) -> web.Application:
    def handler(answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            async with pool.acquire() as connection:
                body = await answer(connection, request)
            return web.Response(body=body, content_type="application/json")

        return handle

    app = web.Application()
    for path, answer in (JSON if variant == "json" else ROWS).items():
        app.router.add_get(path, handler(answer))
    return app


async def main(variant: str, port: int, url: str) -> None:
    await serve(create_app(variant, await open_pool(variant, url)), port)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
