"""Servers and workers under an init system: started again whenever they end, until they are retired."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.agents import AGENTS
from tests.chaos.history import INIT, History
from tests.helpers.places import REPOSITORY
from tests.helpers.prepared import start_reev_gql
from tests.helpers.samples import transfer_yaml
from tests.helpers.server import free_port

RESTART_S = 0.1
"""As an init system waits, but shorter."""

KILLED_S = 10.0
"""Longest wait for a killed process to be gone."""

LIMIT = 4
"""Executions that may run at once, over all workers."""

POOL_SIZE = 5

CANARY = "canary-key-0123456789abcdef"

RUNNER = Path(__file__).with_name("runner.py")

READY = ("ready in", "working ")
"""The log line of a program that has started. Before it a program may end by itself, and not after it."""


def settings(directory: Path, url: str, **changes: str) -> dict[str, str]:
    """What all programs of one test share; they have one machine and its directories in common."""
    benchmarks = directory / "benchmarks"
    benchmarks.mkdir()
    (benchmarks / "transfer.yml").write_text(transfer_yaml())
    for name in ("sessions", "runs"):
        (directory / name).mkdir()
    python = shlex.join([sys.executable, "-S", "-E", str(RUNNER)])
    return {
        "DATABASE_URL": url,
        "REEV_GQL_DATA_DIR": str(directory / "data"),
        "REEV_GQL_BENCHMARKS_DIR": str(benchmarks),
        "REEV_GQL_SESSIONS_DIR": str(directory / "sessions"),
        "REEV_GQL_OUTPUT_DIR": str(directory / "runs"),
        "REEV_GQL_RUNNER_COMMAND": f"{python} {{path}} --agent={{agent}} --execution-id={{id}} "
        f"--notes={shlex.quote(str(directory / 'sessions'))}",
        "REEV_GQL_AGENTS": ",".join(AGENTS),
        "REEV_GQL_MAX_CONCURRENT_EXECUTIONS": str(LIMIT),
        "REEV_GQL_TERM_GRACE_S": "0.5",
        "REEV_GQL_RESULT_ATTEMPTS": "5",
        "REEV_GQL_RESULT_INTERVAL_S": "0.05",
        "REEV_GQL_POOL_SIZE": str(POOL_SIZE),
        "LLM_API_KEY": CANARY,
        **changes,
    }


@dataclass
class Program:
    """One of our processes; `pid` changes with every start."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path
    history: History
    process: asyncio.subprocess.Process | None = None
    port: int | None = None
    is_retired: bool = False
    is_told_to_end: bool = False
    """Whether this incarnation got a signal that ends it."""
    starts: int = 0
    _keeper: asyncio.Task[None] | None = field(default=None, init=False)

    @property
    def pid(self) -> int | None:
        return None if self.process is None else self.process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What the present incarnation says."""
        return self.directory / f"{self.name}.{self.starts}.log"

    @property
    def is_ready(self) -> bool:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return any(word in text for word in READY)

    def start(self, **changes: str) -> None:
        """From now on it runs; `changes` are to its environment."""
        self.environment = {**self.environment, **changes}
        self.is_retired = False
        self._keeper = asyncio.create_task(self._keep(), name=f"init of {self.name}")

    def send(self, number: signal.Signals) -> bool:
        """Signals it; False when there is no process just now."""
        if self.process is None or self.process.returncode is not None:
            return False
        self.is_told_to_end |= number in (signal.SIGKILL, signal.SIGTERM)
        with contextlib.suppress(ProcessLookupError):
            # Not over the process object: it would look for the exit itself and keep it from us.
            os.kill(self.process.pid, number)
        return True

    async def kill(self) -> None:
        """SIGKILL; it is not started again before `start`."""
        await self.retire(signal.SIGKILL, KILLED_S)

    async def retire(self, number: signal.Signals, deadline_s: float) -> None:
        """Ends it for good; SIGKILL when it takes longer than it may."""
        self.is_retired = True
        self.send(signal.SIGCONT)
        self.send(number)
        if self._keeper is None:
            return
        try:
            async with asyncio.timeout(deadline_s):
                await asyncio.shield(self._keeper)
        except TimeoutError:
            self.history.add(INIT, "had to be killed", program=self.name)
            self.send(signal.SIGKILL)
            await self._keeper

    async def _keep(self) -> None:
        while not self.is_retired:
            self.starts += 1
            self.is_told_to_end = False
            with self.log.open("wb") as output:
                self.process = await start_reev_gql(
                    *self.arguments,
                    cwd=REPOSITORY,
                    env={**_inherited(), **self.environment},
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                )
            self.history.add(INIT, "started", program=self.name, pid=self.process.pid)
            if self.is_retired:
                self.send(signal.SIGTERM)
            code = await self.process.wait()
            self.history.add(
                INIT,
                "ended",
                program=self.name,
                pid=self.process.pid,
                code=code,
                told=self.is_told_to_end,
                ready=self.is_ready,
            )
            if not self.is_retired:
                await asyncio.sleep(RESTART_S)


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("REEV_GQL_")}


def server(
    name: str, shared: Mapping[str, str], directory: Path, history: History, *, worker: bool
) -> Program:
    port = free_port()
    environment = {
        **shared,
        "REEV_GQL_PORT": str(port),
        "REEV_GQL_WORKER": str(worker).lower(),
    }
    return Program(name, ("serve",), environment, directory, history, port=port)


def worker(name: str, shared: Mapping[str, str], directory: Path, history: History) -> Program:
    return Program(name, ("worker",), shared, directory, history)
