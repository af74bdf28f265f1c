"""`make tiny`: serves the model, lets it try a benchmark eight times, and keeps serving until Ctrl-C.

    python -m tools.tiny_model [--benchmark ID] [--port PORT] [--url URL]

The trials are executed by the server at `--url`; where none answers, one is started with the usual settings.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from gql.transport.exceptions import TransportQueryError, TransportServerError
from rich.console import Console

from gql_server.cli import graphql_client
from gql_server.cli.errors import CliError
from gql_server.cli.options import DEFAULT_SERVER
from gql_server.cli.views.live_view import new_console
from tools.tiny_model import packages
from tools.tiny_model.endpoint import PORT
from tools.tiny_model.trials import AGENT, WARM, run_trials, save_agent

SERVER_LOG = packages.DIRECTORY / "server.log"
LOOK_S = 0.2
"""Nothing announces that a server's port is open."""


async def main(benchmark: str, port: int, url: str) -> None:
    """Everything, until Ctrl-C or another signal to end. Raises CliError or PackagesMissing."""
    console = new_console()
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    async with _model(port, console) as address, _server(url, console):
        await save_agent(url, address, WARM)
        page = url.removesuffix("/graphql")
        console.print(f"Watch it at {page}/executions?agent={AGENT}")
        batch = await run_trials(url, benchmark, console)
        await save_agent(url, address, 0.0)
        console.print(f"What it was told and what it said: {page}/executions?batch={batch}")
        console.print(f"Try more: .venv/bin/reev-gql run {benchmark} --agent {AGENT} --watch")
        console.print("The model is served until Ctrl-C.")
        await asyncio.Event().wait()


@asynccontextmanager
async def _model(port: int, console: Console) -> AsyncIterator[str]:
    """The address of the model, served by a process of its own."""
    arguments = (sys.executable, "-m", "tools.tiny_model.endpoint", f"--port={port}")
    process = await asyncio.create_subprocess_exec(*arguments, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None and process.stderr is not None
    with console.status("Loading the model ..."):
        address = (await process.stdout.readline()).decode().strip()
    if not address:
        said = (await process.stderr.read()).decode().strip().splitlines()
        await process.wait()
        raise CliError(said[-1] if said else "the model cannot be served")
    drained = asyncio.create_task(process.stderr.read())
    try:
        console.print(f"{AGENT} is served at {address}.")
        yield address
    finally:
        drained.cancel()
        await _end(process)


@asynccontextmanager
async def _server(url: str, console: Console) -> AsyncIterator[None]:
    """A server that answers at `url`: the one that is there, or one of our own."""
    if await _answers(url):
        console.print(f"The server at {url} executes the trials.")
        yield
        return
    parts = urlsplit(url)
    if parts.hostname not in ("127.0.0.1", "localhost"):
        raise CliError(f"no server answers at {url}")
    with SERVER_LOG.open("wb") as log:
        arguments = (sys.executable, "-m", "gql_server", "serve", f"--port={parts.port or 80}")
        process = await asyncio.create_subprocess_exec(*arguments, stdin=DEVNULL, stdout=log, stderr=log)
    try:
        with console.status("Starting a server ..."):
            while not await _answers(url):
                if process.returncode is not None:
                    raise CliError(f"the server does not start: {_last_line(SERVER_LOG)}")
                await asyncio.sleep(LOOK_S)
        console.print(f"A server of its own executes the trials; its log is {SERVER_LOG}.")
        yield
    finally:
        await _end(process)


def _last_line(path: Path) -> str:
    return (path.read_text(errors="replace").strip().splitlines() or ["it says nothing"])[-1]


async def _answers(url: str) -> bool:
    try:
        await graphql_client.ask(url, "{ health { status } }")
    except CliError as error:
        if isinstance(error.__cause__, TransportQueryError | TransportServerError):
            raise  # It answers, and wants a token for example.
        return False
    return True


async def _end(process: Process) -> None:
    """Ends a process as Ctrl-C does; at Ctrl-C it has got that already."""
    if process.returncode is None:
        process.terminate()
    await process.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.tiny_model")
    parser.add_argument("--benchmark", default="001-sol-transfer", help="id of the benchmark to try")
    parser.add_argument("--port", type=int, default=PORT, help=f"where the model is served; default {PORT}")
    parser.add_argument("--url", default=DEFAULT_SERVER, help="the server's GraphQL endpoint")
    given = parser.parse_args()
    try:
        asyncio.run(main(given.benchmark, given.port, given.url))
    except (CliError, packages.PackagesMissing) as problem:
        sys.exit(f"make tiny: {problem}")
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)
