"""The routes of the old server: what a poll costs that finds nothing new, and what 200 of its pages cost.

python -m perf rest
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from perf.load.contenders import OURS, Running, contenders, started
from perf.load.rounds import ROUND_S, ROUNDS, WARM_UP_S, Driver, cpu_s, driver
from perf.load.seed import seed
from perf.report.figures import median, show
from perf.report.lines import RATIO, Line

EXECUTIONS = 10_000
PAGES = 200
EVERY_S = 2.0
TURNS = 5
ORIGIN = "http://localhost:3000"
SETTINGS = {"REEV_GQL_REST": "true", "REEV_GQL_ALLOWED_ORIGINS": ORIGIN}
NEWEST = f"{{ executions(first: {PAGES}) {{ nodes {{ id benchmarkId }} }} }}"


async def measure(url: str) -> list[Line]:
    """Prints the CPU of a request of each kind, and of all pages together."""
    await seed(url, EXECUTIONS)
    with tempfile.TemporaryDirectory() as name:
        async with (
            started(contenders()[OURS], url, Path(name), SETTINGS) as server,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client,
            driver() as load,
        ):
            pages = await _pages(client, server)
            [known] = pages[0].known[:1]
            kinds = {
                "/healthz": _request(server, "/healthz"),
                "304 to a status poll": _request(server, pages[0].targets[0], known),
                "304 to one of another origin": _request(server, pages[0].targets[0], known, ORIGIN),
                "200 to a status poll": _request(server, pages[0].targets[0]),
            }
            cpu = await _cpu_of(kinds, server, load)
            share = await _share(client, server, pages)
            for page in pages:
                page.known = [None] * len(page.targets)
            without = await _share(client, server, pages, keeps=False)
    unchanged = median(a / b for a, b in zip(cpu["304 to a status poll"], cpu["/healthz"], strict=True))
    show(
        "The routes of the old server",
        [
            *((f"CPU of {kind}", f"{median(found):.0f} µs") for kind, found in cpu.items()),
            (f"CPU of {PAGES} pages with entity tags, of a core", f"{share:.1f} %"),
            ("the same without entity tags", f"{without:.1f} %"),
        ],
    )
    title = f"{PAGES} pages of the old server, 3 polls each {EVERY_S:.0f} s"
    return [
        Line("rest.unchanged", "status poll that finds nothing new: CPU against /healthz", unchanged, RATIO),
        Line("rest.pages", f"{title}: CPU of a core", share, "%"),
        Line("rest.pages_without_tags", f"{title}, without entity tags: CPU of a core", without, "%"),
    ]


@dataclass
class _Page:
    """What a page asks again and again, and the entity tag that it knows for each."""

    targets: Sequence[str]
    known: list[str | None] = field(default_factory=list)


async def _pages(client: aiohttp.ClientSession, server: Running) -> list[_Page]:
    async with client.post(f"{server.url}/graphql", json={"query": NEWEST}) as response:
        nodes = (await response.json())["data"]["executions"]["nodes"]
    pages = []
    for node in nodes:
        benchmark, execution = node["benchmarkId"], node["id"]
        page = _Page(
            [
                f"/api/v1/benchmarks/{benchmark}/status/{execution}",
                f"/api/v1/execution-logs/{benchmark}?execution_id={execution}",
                f"/api/v1/transaction-logs/{benchmark}?execution_id={execution}",
            ]
        )
        page.known = [await _asked(client, server, target, None) for target in page.targets]
        pages.append(page)
    return pages


async def _asked(
    client: aiohttp.ClientSession, server: Running, target: str, known: str | None
) -> str | None:
    headers = {"Origin": ORIGIN} | ({} if known is None else {"If-None-Match": known})
    async with client.get(f"{server.url}{target}", headers=headers) as response:
        await response.read()
        assert response.status == (200 if known is None else 304), response.status
        return response.headers["ETag"]


def _request(server: Running, target: str, known: str | None = None, origin: str | None = None) -> list[str]:
    lines = [f"GET {target} HTTP/1.1", f"Host: 127.0.0.1:{server.port}"]
    lines += [] if known is None else [f"If-None-Match: {known}"]
    lines += [] if origin is None else [f"Origin: {origin}"]
    return ["\r\n".join([*lines, "", ""])]


async def _cpu_of(kinds: dict[str, list[str]], server: Running, load: Driver) -> dict[str, list[float]]:
    """Of each kind the microseconds of CPU a request takes, round by round; the kinds take turns."""
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    for requests in kinds.values():
        await load.drive(server.port, requests, WARM_UP_S)
    for _ in range(ROUNDS):
        for kind, requests in kinds.items():
            before = cpu_s(server.pid)
            came = await load.drive(server.port, requests, ROUND_S)
            found[kind].append((cpu_s(server.pid) - before) / came["answered"] * 1e6)
    return found


async def _share(
    client: aiohttp.ClientSession, server: Running, pages: Sequence[_Page], *, keeps: bool = True
) -> float:
    """Per cent of a core while all pages poll, each begun at another moment."""

    async def polls(page: _Page, delay: float) -> None:
        await asyncio.sleep(delay)
        for _ in range(TURNS):
            turn = time.perf_counter()
            for at, target in enumerate(page.targets):
                tag = await _asked(client, server, target, page.known[at])
                page.known[at] = tag if keeps else None
            await asyncio.sleep(max(0.0, EVERY_S - (time.perf_counter() - turn)))

    began, used = time.perf_counter(), cpu_s(server.pid)
    await asyncio.gather(*(polls(page, EVERY_S * at / len(pages)) for at, page in enumerate(pages)))
    return (cpu_s(server.pid) - used) / (time.perf_counter() - began) * 100
