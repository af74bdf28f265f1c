"""The lifetime of `reev-gql serve` and `reev-gql worker`: opens everything in order, closes it in reverse.

The port is taken first, so a second server is told so before it touches a database. SIGTERM and SIGINT end
the process with exit code 0: each part has a bounded time to close, whatever clients and runners do. What
cannot be started is one line on stderr and exit code 1.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from urllib.parse import unquote, urlsplit

import structlog
import uvloop
from aiohttp import web

from gql_server.app import Services, create_app
from gql_server.banner import show_banner
from gql_server.logs import configure_logging
from gql_server.operations.trusted import ManifestError
from gql_server.settings import Settings
from runner_bridge.errors import BenchmarksDirectoryError, BridgeError
from runner_bridge.output import secret_values
from runner_bridge.recovery import close_unseen
from runner_bridge.retention import Policy, keep_pruning
from runner_bridge.runner_start import runner_environment
from runner_bridge.sync import sync_benchmarks
from runner_bridge.worker import Worker
from schema.context import VERSION
from store.database import Database
from store.embedded import EmbeddedServer
from store.errors import StoreError
from store.hub import Hub
from store.migrate import migrate

BACKLOG = 512
HTTP_DRAIN_S = 1.0
"""How long a request under way may go on after the server was told to stop."""

KEEPALIVE_S = 75.0
"""How long a connection may do nothing, from its start on; browsers and proxies reuse theirs within a minute."""

LINGER_S = 1.0
"""How long the rest of a refused body is read, so that its sender sees the answer."""

ENDING = (signal.SIGTERM, signal.SIGINT)
"""The signals that end a server in good order."""

log = structlog.get_logger(__name__)


class StartupError(Exception):
    """The server cannot start; the message is one line."""


def listening_socket(settings: Settings) -> socket.socket:
    """A socket that listens; connections wait in it until the server is ready. Raises StartupError."""
    family, *_, address = socket.getaddrinfo(
        settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A port whose last connections are in TIME_WAIT is free; one that somebody listens on is not.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise StartupError(
            f"Cannot listen on {settings.host} port {settings.port}: {os.strerror(error.errno or 0)}. "
            "Stop the program that uses it, or set REEV_GQL_PORT to another port"
        ) from error
    return listener


@asynccontextmanager
async def database_server(settings: Settings) -> AsyncIterator[str]:
    """The URL of the database: the configured one, or that of an embedded server that runs meanwhile."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    starting = asyncio.create_task(asyncio.to_thread(EmbeddedServer, settings.data_dir.absolute()))
    try:
        server = await asyncio.shield(starting)
    except asyncio.CancelledError:
        # The thread cannot be interrupted: what it starts must be stopped all the same.
        with suppress(Exception):
            (await starting).stop()
        raise
    try:
        yield server.url
    finally:
        await asyncio.to_thread(server.stop)


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Database at its newest schema, pool and hub, closed in reverse."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(database_server(settings))
        applied = await migrate(url)
        if applied:
            log.info("migrated", revisions=applied)
        db = await Database.open(url, max_size=settings.pool_size)
        stack.push_async_callback(db.close)
        hub = await Hub.start(db)
        stack.push_async_callback(hub.close)
        yield Services(db, hub)


@asynccontextmanager
async def working(settings: Settings, services: Services) -> AsyncIterator[asyncio.Task[None]]:
    """A worker that runs meanwhile; it leaves when the context ends, and its runners go on or end with it."""
    worker = Worker(
        services.db,
        services.hub,
        settings.runner,
        limits=settings.limits,
        lost_after_s=settings.worker_lost_after_s,
        version=VERSION,
        counters=services.counters,
    )
    task = asyncio.create_task(worker.run(), name="worker")
    pruning = asyncio.create_task(_retention(settings, services), name="retention")
    try:
        yield task
    finally:
        worker.stop()
        # A batch of it is one transaction: whatever it is doing, it may be cut off.
        pruning.cancel()
        await asyncio.wait({task}, timeout=worker.leaves_within_s)
        task.cancel()
        await asyncio.gather(task, pruning, return_exceptions=True)


async def _retention(settings: Settings, services: Services) -> None:
    if settings.retention_days is not None:
        policy = Policy(dt.timedelta(days=settings.retention_days), settings.retention_files)
        await keep_pruning(services.db, settings.runner, policy)


@asynccontextmanager
async def looking_after(settings: Settings, services: Services) -> AsyncIterator[asyncio.Task[None]]:
    """For a server without a worker: what no worker can see any more is closed meanwhile."""
    task = asyncio.create_task(close_unseen(services.db, settings.worker_lost_after_s), name="recovery")
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def serving(
    settings: Settings, services: Services, listener: socket.socket
) -> AsyncIterator[web.AppRunner]:
    """The application, answering on `listener`; at the end no new request is taken and sockets are closed."""
    port = listener.getsockname()[1]
    runner = web.AppRunner(
        create_app(settings, services, port),
        access_log=None,
        handle_signals=False,
        shutdown_timeout=HTTP_DRAIN_S,
        keepalive_timeout=KEEPALIVE_S,
        lingering_time=LINGER_S,
    )
    await runner.setup()
    try:
        await web.SockSite(runner, listener, backlog=BACKLOG).start()
        yield runner
    finally:
        await runner.cleanup()


async def serve(settings: Settings) -> None:
    """API and, unless switched off, a worker, until cancelled."""
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(contextlib.closing(listening_socket(settings)))
        services = await stack.enter_async_context(open_services(settings))
        benchmarks = await sync_at_start(settings, services)
        at_work = working if settings.worker else looking_after
        worker = await stack.enter_async_context(at_work(settings, services))
        await stack.enter_async_context(serving(settings, services, listener))
        show_banner(settings, listener.getsockname()[1], benchmarks, time.monotonic() - began)
        await asyncio.wait({worker})
        worker.result()


async def work(settings: Settings) -> None:
    """A worker alone, until cancelled."""
    async with open_services(settings) as services, working(settings, services) as worker:
        log.info("working", limit=settings.limits.capacity)
        await asyncio.wait({worker})
        worker.result()


async def migrate_only(settings: Settings) -> None:
    """Migrates and says what was done."""
    async with database_server(settings) as url:
        applied = await migrate(url)
    print(f"Applied {', '.join(applied)}" if applied else "The database is current")


async def sync_at_start(settings: Settings, services: Services) -> str:
    """Reads the benchmarks directory; what is wrong with it is logged and keeps nothing from starting."""
    try:
        report = await sync_benchmarks(services.db, settings.runner.benchmarks_dir)
    except BenchmarksDirectoryError as error:
        log.warning("benchmarks_not_read", reason=str(error))
        return "none read"
    outcomes = Counter(file.outcome.value.lower() for file in report.files)
    for file in report.files:
        if file.error is not None:
            log.warning("benchmark_refused", reason=str(file.error))
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())) or "no files"


def run(part: Callable[[Settings], Coroutine[None, None, None]], settings: Settings) -> int:
    """Runs a part of the server until it ends or a signal ends it; its exit code. Raises StartupError."""
    configure_logging(settings.log_level, settings.log_format, secrets_of(settings))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            return runner.run(_until_signalled(part(settings)))
        except (StoreError, BridgeError, ManifestError) as error:
            raise StartupError(" ".join(str(error).split())) from error
        finally:
            # The loop's handlers go with it: a late signal would still kill a process that has ended well.
            signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)


async def _until_signalled(part: Coroutine[None, None, None]) -> int:
    """A signal cancels `part`, be it starting or serving; what it has opened is closed in reverse."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(part)

    def on_signal() -> None:
        # Once: a second one, from an impatient hand, must not interrupt the closing.
        if not task.cancelling():
            log.info("stopping")
            task.cancel()

    for number in ENDING:
        loop.add_signal_handler(number, on_signal)
    try:
        await task
    except asyncio.CancelledError:
        log.info("stopped")
    return 0


def secrets_of(settings: Settings) -> list[str]:
    """What must never be in a log record; API keys in the database are hidden when they are decrypted."""
    password = urlsplit(settings.database_url.get_secret_value()).password if settings.database_url else None
    token = settings.token.get_secret_value() if settings.token else None
    secret_key = settings.secret_key.get_secret_value() if settings.secret_key else None
    of_settings = [secret for secret in (password, unquote(password or ""), token, secret_key) if secret]
    return of_settings + secret_values(runner_environment(settings.runner, {}))
