"""A thousand executions at once, four at a time: how many runners lived at once, and how long it took."""

from __future__ import annotations

import asyncio
import tempfile
import time
from itertools import accumulate
from pathlib import Path

from perf.report.figures import show
from tests.chaos.deployment import Deployment, deployed
from tests.chaos.facts import journals_of

LAUNCHES = 1_000
LIMIT = 4
LOOK_S = 0.2


async def measure(url: str) -> None:
    """Two servers, one of them with a worker, and another worker: the limit is over all of them."""
    settings = {"REEV_GQL_MAX_CONCURRENT_EXECUTIONS": str(LIMIT), "REEV_GQL_POOL_SIZE": "12"}
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        async with deployed(directory, url, ["quick"], **settings) as site:
            site.server("server-a", worker=True)
            site.server("server-b", worker=False)
            site.worker()
            began = time.perf_counter()
            ids = await asyncio.gather(*(site.launch("quick", f"key {n}") for n in range(LAUNCHES)))
            accepted = time.perf_counter() - began
            await _until_all_ended(site)
            took = time.perf_counter() - began
            ended = await site.database.fetchval("SELECT count(*) FROM executions WHERE status = 'SUCCEEDED'")
            starts = [n.what for notes in journals_of(directory / "sessions").values() for n in notes]
            most = _most_at_once(directory)
    show(
        f"{LAUNCHES} concurrent launches, limit {LIMIT}, two workers",
        [
            ("all accepted after", f"{accepted:.1f} s"),
            ("all ended after", f"{took:.1f} s = {LAUNCHES / took:.0f} executions/s"),
            ("most runners at once, as they themselves noted", str(most)),
            ("lost", str(len(set(ids)) - ended)),
            ("started twice", str(starts.count("started") - LAUNCHES)),
        ],
    )


async def _until_all_ended(site: Deployment) -> None:
    live = "SELECT count(*) FROM executions WHERE NOT is_terminal(status)"
    while await site.database.fetchval(live):  # noqa: ASYNC110 (nothing announces that all have ended)
        await asyncio.sleep(LOOK_S)


def _most_at_once(directory: Path) -> int:
    changes = [
        (note.at, 1 if note.what == "started" else -1)
        for notes in journals_of(directory / "sessions").values()
        for note in notes
    ]
    return max(accumulate(change for _, change in sorted(changes)))
