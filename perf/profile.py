"""Where the time of a reading goes in our server: its functions by the time that each takes itself.

    python -m perf.profile by_id

Under a profiler everything is slower, and small functions most of all: look at the order, not at the times.
"""

from __future__ import annotations

import asyncio
import os
import pstats
import signal
import sys
import tempfile
from pathlib import Path

from perf.load.contenders import OURS, Contender, started
from perf.load.databases import Databases
from perf.load.rounds import WARM_UP_S, driver
from perf.load.workloads import workloads
from perf.parts.reading import prepare
from store.embedded import EmbeddedServer

PROFILED_S = 5.0
SHOWN = 45


async def main(key: str) -> None:
    with tempfile.TemporaryDirectory(prefix="reev-gql-perf-") as name:
        database = EmbeddedServer(Path(name))
        try:
            url = await Databases(database).new_url()
            workload = workloads(await prepare(url))[key]
            profile = Path(name) / "profile"
            command = [sys.executable, "-m", "perf.rivals.profiled", str(profile)]
            async with driver() as load, started(Contender(OURS, command), url, Path(name)) as server:
                requests = workload.requests(server.port, by_hand=False)
                await load.drive(server.port, requests, WARM_UP_S)
                os.kill(server.pid, signal.SIGUSR1)
                came = await load.drive(server.port, requests, PROFILED_S)
                os.kill(server.pid, signal.SIGUSR2)
            print(f"{workload.title}: {came['answered']:.0f} requests in {came['seconds']:.1f} s")
            pstats.Stats(str(profile)).sort_stats("tottime").print_stats(SHOWN)
        finally:
            database.stop()


asyncio.run(main(sys.argv[1]))
