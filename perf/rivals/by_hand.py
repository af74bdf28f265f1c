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
from store.figures.attempts import AttemptFigures, Sums
from store.model import UNKNOWN_AGENT

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
    agents, board = await connection.fetch(SQL["agents"]), await _leaderboard(connection)
    benchmarks = [_benchmark(row) for row in await connection.fetch(SQL["benchmarks"])]
    ids = [benchmark["id"] for benchmark in benchmarks]
    latest: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in await connection.fetch(SQL["latest"], ids, AGENTS):
        latest[row["benchmarkId"]].append(_cell(row))
    for benchmark in benchmarks:
        benchmark["latestExecutions"] = latest.get(benchmark["id"], ())
    return _grid(agents, board, benchmarks)


async def list_json(connection: Any, request: web.Request) -> bytes:
    return _wrapped(await connection.fetchval(SQL["list_json"], int(request.query["first"])))


async def one_json(connection: Any, request: web.Request) -> bytes:
    return _wrapped(await connection.fetchval(SQL["by_id_json"], request.match_info["id"]))


async def nested_json(connection: Any, request: web.Request) -> bytes:
    return _wrapped(await connection.fetchval(SQL["nested_json"], int(request.query["first"])))


async def grid_json(connection: Any, request: web.Request) -> bytes:
    agents, board = await connection.fetch(SQL["agents"]), await _leaderboard(connection)
    benchmarks = []
    for row in await connection.fetch(SQL["grid_json"], AGENTS):
        benchmark = _benchmark(row)
        benchmark["latestExecutions"] = orjson.Fragment(benchmark["latestExecutions"])
        benchmarks.append(benchmark)
    return _grid(agents, board, benchmarks)


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


async def _leaderboard(connection: Any) -> dict[str, Any]:
    lines: dict[tuple[str, str | None], list[Sums]] = defaultdict(list)
    for row in await connection.fetch(SQL["figures"]):
        agent, settings_hash, *sums = row
        if agent != UNKNOWN_AGENT:
            lines[agent, settings_hash].append(Sums(*sums))
    excluded: dict[tuple[str, str | None], list[dict[str, Any]]] = defaultdict(list)
    for row in await connection.fetch(SQL["excluded"]):
        found = {"reason": row["reason"], "executions": row["executions"]}
        excluded[row["agent"], row["settings_hash"]].append(found)
    entries: list[dict[str, Any]] = [
        {
            "agent": key[0],
            "settingsHash": key[1],
            "figures": {
                **_figures(AttemptFigures(sums)),
                "meanTimeMs": AttemptFigures(sums).mean_time_ms,
                "excluded": excluded.get(key, ()),
            },
            "byBenchmark": [
                {
                    "benchmarkId": each.benchmark_id,
                    "revision": each.benchmark_revision,
                    "figures": _figures(AttemptFigures([each])),
                }
                for each in sums
            ],
        }
        for key, sums in lines.items()
    ]
    entries.sort(key=lambda entry: (entry["agent"], entry["settingsHash"] or ""))
    entries.sort(
        key=lambda entry: -1.0 if (rate := entry["figures"]["solveRate"]) is None else rate, reverse=True
    )
    return {"entries": entries[:200]}


def _figures(figures: AttemptFigures) -> dict[str, Any]:
    interval = figures.solve_rate_interval
    return {
        "attempts": figures.attempts,
        "solved": figures.solved,
        "solveRate": figures.solve_rate,
        "solveRateInterval": None if interval is None else interval._asdict(),
        "meanScore": figures.mean_score,
    }


def _grid(stored: list[Any], board: dict[str, Any], benchmarks: list[dict[str, Any]]) -> bytes:
    models = {row["agent"]: {"model": row["model"], "settingsHash": row["settingsHash"]} for row in stored}
    agents = [
        {"name": agent, "usesModel": agent != "deterministic", "config": models.get(agent)}
        for agent in dict.fromkeys([*AGENTS, *models])
    ]
    return _encoded(
        {
            "viewer": {"scope": "ADMIN"},
            "executions": {"updatesCursor": CURSOR},
            "agents": agents,
            "leaderboard": board,
            "benchmarks": {"updatesCursor": CURSOR, "nodes": benchmarks},
        }
    )


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
