"""`reev-gql` as processes: commands that run to their end, and servers that fixtures start and end."""

from __future__ import annotations

import os
import re
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.places import REPOSITORY
from tests.helpers.prepared import start_reev_gql

API_LINE = re.compile(r"^API: (http://127\.0\.0\.1:(\d+))/graphql$")


@dataclass
class Server:
    """`reev-gql serve` as a process of its own."""

    process: Process
    base: str
    port: int
    stderr: Path

    @property
    def url(self) -> str:
        return f"{self.base}/graphql"

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return await self.process.wait()


def environment(**settings: str) -> dict[str, str]:
    """For a child: ours without what is set for a server, and with `settings`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("REEV_GQL_")}
    return kept | {"REEV_GQL_BENCHMARKS_DIR": str(REPOSITORY / "benchmarks"), **settings}


async def start_cli(*arguments: str, cwd: Path, stderr: int, **settings: str) -> Process:
    """`reev-gql` with arguments, in a directory of its own."""
    return await start_reev_gql(*arguments, cwd=cwd, env=environment(**settings), stdout=PIPE, stderr=stderr)


@dataclass
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str


async def cli(*arguments: str, cwd: Path, **settings: str) -> Finished:
    """Runs a command to its end."""
    process = await start_cli(*arguments, cwd=cwd, stderr=PIPE, **settings)
    out, err = await process.communicate()
    assert process.returncode is not None
    return Finished(process.returncode, out.decode(), err.decode())


MakeServer = Callable[..., Awaitable[Server]]


async def api_line(process: Process) -> re.Match[str] | None:
    """What `reev-gql serve` says of its address, once its worker is there too; None when it ended first."""
    assert process.stdout is not None
    found = None
    async for line in process.stdout:
        found = found or API_LINE.match(line.decode())
        if line.startswith(b"worker:"):
            return found
    return None
