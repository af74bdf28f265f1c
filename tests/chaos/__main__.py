"""`make chaos`: a history of any length, with any seed, on its own PostgreSQL."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from store.embedded import EmbeddedServer
from store.postgres.migrate import migrate
from tests.chaos.run import Outcome, run
from tests.helpers.ray_cluster import cluster


async def main(seed: int, duration_s: float, directory: Path, url: str, changes: dict[str, str]) -> Outcome:
    await migrate(url)
    return await run(url, directory, seed=seed, duration_s=duration_s, **changes)


@contextlib.contextmanager
def launching(launcher: str) -> Iterator[dict[str, str]]:
    """The settings of programs that start runners so; with Ray, a cluster of one head and two nodes."""
    if launcher == "local":
        yield {}
        return
    with cluster() as made:
        for _ in range(2):
            made.add_node(cpus=2)
        yield {"REEV_GQL_LAUNCHER": launcher, "REEV_GQL_RAY_ADDRESS": made.address}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--duration", type=float, default=60.0, help="seconds")
    parser.add_argument("--launcher", choices=["local", "ray"], default="local")
    return parser.parse_args()


if __name__ == "__main__":
    given = parse()
    chosen = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    where = Path(tempfile.mkdtemp(prefix="reev-gql-chaos-"))
    print(f"seed {chosen}, {given.duration:.0f} s, everything in {where}", flush=True)
    server = EmbeddedServer(where / "postgres")
    try:
        with launching(given.launcher) as changed:
            result = asyncio.run(main(chosen, given.duration, where, server.url, changed))
    finally:
        server.stop()
    print(result.verdict())
    sys.exit(1 if result.violations else 0)
