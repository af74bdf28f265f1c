"""`make chaos`: a history of any length, with any seed, on its own PostgreSQL."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from store.embedded import EmbeddedServer
from store.postgres.migrate import migrate
from tests.chaos.run import Outcome, run


async def main(seed: int, duration_s: float, directory: Path, url: str) -> Outcome:
    await migrate(url)
    return await run(url, directory, seed=seed, duration_s=duration_s)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--duration", type=float, default=60.0, help="seconds")
    return parser.parse_args()


if __name__ == "__main__":
    given = parse()
    chosen = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    where = Path(tempfile.mkdtemp(prefix="reev-gql-chaos-"))
    print(f"seed {chosen}, {given.duration:.0f} s, everything in {where}", flush=True)
    server = EmbeddedServer(where / "postgres")
    try:
        result = asyncio.run(main(chosen, given.duration, where, server.url))
    finally:
        server.stop()
    print(result.verdict())
    sys.exit(1 if result.violations else 0)
