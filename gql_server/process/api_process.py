"""The application on its socket, and what is read before it answers. Imported while the database starts."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from aiohttp import web

from gql_server.http.repeated_requests import KEEPALIVE_S
from gql_server.process import garbage_collection
from gql_server.process.application import create_app, create_metrics_app
from gql_server.process.banner import show_banner
from gql_server.process.connection_protocol import Protocol
from gql_server.process.listening import BACKLOG
from gql_server.process.services import Services
from gql_server.process.worker_process import closing_lost_executions, running_worker
from gql_server.settings.settings import Settings
from runner_bridge.agents import known_agents
from runner_bridge.benchmarks.shipped import copy_shipped_benchmarks
from runner_bridge.benchmarks.sync import sync_benchmarks
from runner_bridge.errors import BenchmarksDirectoryError
from runner_bridge.log_context import fields
from store.benchmarks import benchmarks

HTTP_DRAIN_S = 1.0
"""How long a request may continue after the server was asked to stop."""

LINGER_S = 1.0
"""How long the rest of a refused body is read, so that its sender sees the answer."""

OF_OTHERS = (
    "another benchmarks directory brought them and this one does not have their files, so they stay: `reev-gql "
    "benchmarks archive` takes them out; directories with one REEV_GQL_BENCHMARKS_NAME are taken for one"
)

log = logging.getLogger(__name__)


async def serve_api(settings: Settings, services: Services, listener: socket.socket, began: float) -> None:
    """API on `listener` and, unless switched off, a worker, until cancelled. Says how long since `began`."""
    async with AsyncExitStack() as stack:
        benchmarks_read = await sync_at_start(settings, services)
        at_work = running_worker if settings.worker else closing_lost_executions
        worker = await stack.enter_async_context(at_work(settings, services))
        await stack.enter_async_context(serving(settings, services, listener))
        garbage_collection.settle()
        agents = await known_agents.names(services.db, settings.runner)
        show_banner(settings, listener.getsockname()[1], benchmarks_read, agents, time.monotonic() - began)
        await asyncio.wait({worker})
        worker.result()


@asynccontextmanager
async def serving(
    settings: Settings, services: Services, listener: socket.socket
) -> AsyncIterator[web.AppRunner]:
    """The application, answering on `listener`; at the end no new request is taken and sockets are closed."""
    app = create_app(settings, services, listener.getsockname()[1])
    async with answering(app, listener) as runner:
        yield runner


@asynccontextmanager
async def metrics_of_worker(
    settings: Settings, services: Services, listener: socket.socket
) -> AsyncIterator[str]:
    """`/metrics` of a worker without a server, answering on `listener`; its address."""
    host, port, *_ = listener.getsockname()
    async with answering(create_metrics_app(settings, services, port), listener):
        yield f"http://{f'[{host}]' if ':' in host else host}:{port}/metrics"


@asynccontextmanager
async def answering(app: web.Application, listener: socket.socket) -> AsyncIterator[web.AppRunner]:
    """`app`, answering on `listener`."""
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=HTTP_DRAIN_S)
    await runner.setup()
    loop = asyncio.get_running_loop()
    options: dict[str, Any] = {
        "manager": runner.server,
        "access_log": None,
        "keepalive_timeout": KEEPALIVE_S,
        "lingering_time": LINGER_S,
    }
    try:
        # As a site of aiohttp's does it, but with our protocol.
        server = await loop.create_server(
            lambda: Protocol(loop=loop, **options), sock=listener, backlog=BACKLOG
        )
        try:
            yield runner
        finally:
            server.close()
    finally:
        await runner.cleanup()


async def sync_at_start(settings: Settings, services: Services) -> str:
    """Reads the benchmarks directory; what is wrong with it is logged and keeps nothing from starting."""
    directory, written = settings.runner.benchmarks_dir, ""
    try:
        if await is_first_start(settings, services):
            copied = await asyncio.to_thread(copy_shipped_benchmarks, directory)
            written = f" · {len(copied.written)} files written to {directory}"
        report = await sync_benchmarks(services.db, directory, name=settings.runner.benchmarks_name)
    except OSError as error:
        log.warning("benchmarks_not_created", extra=fields(reason=f"{error.strerror}: {error.filename}"))
        return "none read"
    except BenchmarksDirectoryError as error:
        log.warning("benchmarks_not_read", extra=fields(reason=str(error)))
        return "none read"
    outcomes = Counter(file.outcome.value.lower() for file in report.files)
    for file in report.files:
        if file.error is not None:
            log.warning("benchmark_refused", extra=fields(reason=str(file.error)))
    if kept := outcomes["kept"]:
        said = fields(count=kept, directory=str(directory), reason=OF_OTHERS)
        log.warning("benchmarks_of_another_directory", extra=said)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    return (counts or "no files") + written


async def is_first_start(settings: Settings, services: Services) -> bool:
    """Whether no benchmarks directory was configured or made yet, and the database has no benchmark."""
    chosen = "benchmarks_dir" in settings.model_fields_set or settings.runner.benchmarks_dir.exists()
    return not chosen and not await benchmarks.stored_files(services.db)
