"""The five readings of the goals: our server, handlers written by hand, stock Strawberry, and Mercurius.

    python -m perf reading               # all five
    python -m perf reading.list50        # one of them: list50 list500 nested200 by_id grid

Mercurius where node is. All read the same database and answer the same data, which is checked before anything
is measured.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
from rich.table import Table

from perf.load.contenders import (
    BY_HAND,
    BY_HAND_JSON,
    MERCURIUS,
    MERCURIUS_TEXT,
    OURS,
    STOCK,
    Running,
    contenders,
    started,
)
from perf.load.rounds import CONNECTIONS, ROUND_S, ROUNDS, Series, compare, driver, postmaster_of
from perf.load.seed import BENCHMARKS, seed
from perf.load.workloads import Workload, comparable, workloads
from perf.report.figures import CONSOLE
from perf.report.lines import RATIO, Line
from store.postgres.database import Database
from tests.helpers.bridge import upsert_benchmark
from tests.helpers.samples import transfer_yaml

EXECUTIONS = 20_000
WITH_TOOL_CALLS = 500
"""The newest executions have them, three each."""

ASKED_BY_ID = 64
"""Executions that are asked for one by one, in turns."""

TOOL_CALLS = """
INSERT INTO execution_tool_calls (execution_id, ordinal, name, raw_name, status, duration_ms)
SELECT e.id, ordinal, 'sol_transfer', 'SolTransfer', 'SUCCESS', 7 * ordinal
FROM (SELECT id FROM executions ORDER BY queued_at DESC, id DESC LIMIT $1) AS e, generate_series(1, 3) AS ordinal
"""
IDS = "SELECT id::text FROM executions ORDER BY queued_at, id LIMIT $1"

AGAINST = {
    "hand": BY_HAND,
    "hand_json": BY_HAND_JSON,
    "stock": STOCK,
    "mercurius": MERCURIUS,
    "mercurius_text": MERCURIUS_TEXT,
}
"""How rivals are called in the keys of lines."""


async def measure(url: str, wanted: Collection[str] = ()) -> list[Line]:
    """Prints a table per reading. `wanted` names some of them; all when empty."""
    ids = await prepare(url)
    lines = []
    with tempfile.TemporaryDirectory() as name:
        async with AsyncExitStack() as stack:
            servers = [
                await stack.enter_async_context(started(contender, url, Path(name)))
                for contender in contenders().values()
            ]
            load = await stack.enter_async_context(driver())
            postmaster = await postmaster_of(url)
            for workload in workloads(ids).values():
                if wanted and workload.key not in wanted:
                    continue
                able = [server for server in servers if workload.key not in server.contender.without]
                await check_same_data(able, workload)
                series = await compare(able, workload, load, postmaster)
                _show(workload, series)
                lines += _lines(workload, series)
    return lines


async def prepare(url: str, executions: int = EXECUTIONS) -> list[str]:
    """Fills the database; ids of some executions."""
    await seed(url, executions)
    db = await Database.open(url)
    try:
        for number in range(BENCHMARKS):
            await upsert_benchmark(db, transfer_yaml(f"bench-{number:03}"))
        await db.execute(TOOL_CALLS, WITH_TOOL_CALLS)
    finally:
        await db.close()
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("VACUUM (ANALYZE)")
        return [row["id"] for row in await connection.fetch(IDS, ASKED_BY_ID)]
    finally:
        await connection.close()


async def check_same_data(servers: Sequence[Running], workload: Workload) -> None:
    """Raises RuntimeError where a server answers something else than the first: it would be other work."""
    expected: list[Any] = []
    async with aiohttp.ClientSession() as client:
        for server in servers:
            answers = [await _ask(client, server, workload, n) for n in range(len(workload.variables))]
            expected = expected or answers
            rough = server.contender.milliseconds
            if comparable(answers, milliseconds=rough) != comparable(expected, milliseconds=rough):
                raise RuntimeError(f"{workload.title}: {server.name} does not answer the same data")


async def _ask(client: aiohttp.ClientSession, server: Running, workload: Workload, number: int) -> Any:
    if server.contender.by_hand:
        asked = client.get(server.url + workload.addresses[number])
    else:
        body = {"query": workload.document, "variables": workload.variables[number]}
        asked = client.post(f"{server.url}/graphql", json=body)
    async with asked as response:
        answer = await response.json()
    if response.status != 200 or "errors" in answer:
        raise RuntimeError(f"{workload.title}: {server.name} answers {str(answer)[:500]}")
    return answer["data"]


def _show(workload: Workload, series: dict[str, Series]) -> None:
    table = Table(
        title=f"{workload.title}: {CONNECTIONS} connections, medians of {ROUNDS} × {ROUND_S} s",
        title_justify="left",
        min_width=90,
    )
    table.add_column("server")
    for heading in ("requests/s", "ours against it", "CPU µs", "PostgreSQL's", "both, ours against it"):
        table.add_column(heading, justify="right")
    ours = series[OURS]
    for name, its in series.items():
        both = ours.against(its, lambda one: one.both_cpu_us)
        table.add_row(
            name,
            f"{its.median(lambda one: one.rate):,.0f}",
            "" if its is ours else f"× {ours.against(its, lambda one: one.rate):.2f}",
            f"{its.median(lambda one: one.cpu_us):,.0f}",
            f"{its.median(lambda one: one.database_cpu_us):,.0f}",
            "" if its is ours else f"{both:.2f} of its",
        )
    CONSOLE.print(table)


def _lines(workload: Workload, series: dict[str, Series]) -> list[Line]:
    ours = series[OURS]
    found = [
        Line(
            f"reading.{workload.key}.cpu",
            f"{workload.title}: server CPU",
            ours.median(lambda one: one.cpu_us),
            "µs",
        )
    ]
    for short, name in AGAINST.items():
        if name in series:
            ratio = ours.against(series[name], lambda one: one.rate)
            key = f"reading.{workload.key}.{short}"
            found.append(Line(key, f"{workload.title}: against {name}", ratio, RATIO, more_is_better=True))
            both = ours.against(series[name], lambda one: one.both_cpu_us)
            found.append(
                Line(f"{key}.cpu", f"{workload.title}: CPU with the database's, of {name}'s", both, RATIO)
            )
    return found
