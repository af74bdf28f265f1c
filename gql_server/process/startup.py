"""The lifetime of `reev-gql serve` and `reev-gql worker`: opens everything in order, closes it in reverse.

The port is taken first, so that a second server fails before it touches a database. Then the embedded database
starts, and all that server and worker are made of is imported meanwhile: this module itself imports little.
SIGTERM, SIGINT and SIGHUP end the process with exit code 0: each part has a bounded time to close, whatever
clients and runners do. What cannot be started is one line on stderr and exit code 1.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
import signal
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

import uvloop

from gql_server.process import garbage_collection
from gql_server.process.listening import listen_on, listening_socket
from gql_server.process.logs import configure_logging
from gql_server.settings.loading import unknown_variables
from gql_server.settings.settings import Settings
from gql_server.settings.startup_error import StartupError
from runner_bridge.errors import BridgeError
from runner_bridge.log_context import fields
from runner_bridge.redaction import secret_values
from store.embedded import EmbeddedServer
from store.errors import StoreError
from store.postgres import database_url

if TYPE_CHECKING:
    from gql_server.process.services import Services

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The signals that end a server in good order; SIGHUP comes when its terminal is closed."""

WORKER: tuple[str, ...] = ("runner_bridge.worker.worker", "gql_server.process.worker_process")
SERVER = (
    *WORKER,
    "runner_bridge.lazy_aiohttp",
    "aiohttp.web",
    "strawberry",
    "schema",
    "gql_server.process.api_process",
)
"""The modules of each, in steps of at most 0.2 s."""

log = logging.getLogger(__name__)


def warn_of_unknown_settings() -> None:
    """A misspelt variable has no effect: whoever set it must learn of that."""
    for name, meant in unknown_variables(os.environ).items():
        log.warning("unknown_setting", extra=fields(variable=name, **({"meant": meant} if meant else {})))


def check_extras(settings: Settings) -> None:
    """Raises StartupError when a setting needs packages that are not installed."""
    if settings.otlp_endpoint is None:
        return
    try:
        is_there = find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        is_there = False
    if not is_there:
        raise StartupError(
            "REEV_GQL_OTLP_ENDPOINT needs packages that are not installed: `pip install 'reev-gql[otel]'`"
        )


def make_directories(settings: Settings) -> None:
    """Makes the directories that runners write into. Raises StartupError without a sessions directory."""
    try:
        settings.sessions_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartupError(
            f"Cannot make {settings.sessions_dir}: {os.strerror(error.errno or 0)}. "
            "Set REEV_GQL_SESSIONS_DIR to a directory that can be written"
        ) from error
    for path, variable in (
        (settings.sessions_dir, "REEV_GQL_SESSIONS_DIR"),
        (settings.output_dir, "REEV_GQL_OUTPUT_DIR"),
    ):
        try:
            path.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=path).close()
        except OSError as error:
            # The server can still show what other runners have written.
            reason = os.strerror(error.errno or 0)
            told = fields(directory=str(path), reason=reason, set=variable)
            log.warning("executions_will_fail", extra=told)


@asynccontextmanager
async def database_server(settings: Settings) -> AsyncIterator[str]:
    """The URL of the database: the configured one, or that of an embedded server that runs meanwhile."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    ending = threading.Event()
    starting = asyncio.create_task(asyncio.to_thread(EmbeddedServer, settings.data_dir.absolute(), ending))
    try:
        server = await asyncio.shield(starting)
    except asyncio.CancelledError:
        # The thread ends soon; a server that it has started must be stopped.
        ending.set()
        with suppress(Exception):
            (await starting).stop()
        raise
    try:
        yield server.url
    finally:
        await asyncio.to_thread(server.stop)


@asynccontextmanager
async def _services(
    settings: Settings, modules: Sequence[str], *, serves: bool
) -> AsyncIterator[tuple[Services, Awaitable[object]]]:
    """The services, and an awaitable that ends when `modules` are imported.

    One thread imports, module by module, while the database starts and is opened.
    """
    garbage_collection.pause()
    loop = asyncio.get_running_loop()
    importer = ThreadPoolExecutor(1, "imports")
    stands, *rest = (
        loop.run_in_executor(importer, importlib.import_module, name)
        for name in ("gql_server.process.services", *modules)
    )
    try:
        async with database_server(settings) as url:
            await stands
            from gql_server.process.services import open_services

            async with open_services(settings, url, serves=serves) as services:
                yield services, asyncio.gather(*rest)
    finally:
        # A signal waits for the import under way only.
        importer.shutdown(wait=False, cancel_futures=True)


async def serve(settings: Settings) -> None:
    """API and, unless switched off, a worker, until cancelled."""
    began = time.monotonic()
    warn_of_unknown_settings()
    with contextlib.closing(listening_socket(settings)) as listener:
        if settings.worker:
            check_extras(settings)
            make_directories(settings)
        async with _services(settings, SERVER, serves=True) as (services, loaded):
            await loaded
            from gql_server.process.api_process import serve_api

            await serve_api(settings, services, listener, began)


async def work(settings: Settings) -> None:
    """A worker alone, until cancelled."""
    warn_of_unknown_settings()
    check_extras(settings)
    make_directories(settings)
    with contextlib.ExitStack() as stack:
        listener, modules = None, WORKER
        if settings.worker_metrics_port is not None:
            listener = listen_on(
                settings.worker_metrics_host, settings.worker_metrics_port, "REEV_GQL_WORKER_METRICS_PORT"
            )
            stack.enter_context(contextlib.closing(listener))
            modules = SERVER
        async with (
            _services(settings, modules, serves=False) as (services, loaded),
            AsyncExitStack() as parts,
        ):
            await loaded
            from gql_server.process.worker_process import work_alone

            addresses = {}
            if listener is not None:
                # All of the HTTP side, which most workers do not need.
                from gql_server.process.api_process import metrics_of_worker

                serving_metrics = metrics_of_worker(settings, services, listener)
                addresses["metrics"] = await parts.enter_async_context(serving_metrics)
            await work_alone(settings, services, **addresses)


async def migrate_only(settings: Settings) -> None:
    """Migrates the database and prints what was done."""
    from store.postgres.migrate import migrate

    async with database_server(settings) as url:
        applied = await migrate(url)
    print(f"Applied {', '.join(applied)}" if applied else "The database is current")


def run(part: Callable[[Settings], Coroutine[None, None, None]], settings: Settings) -> bool:
    """Runs a part of the server until it ends or a signal ends it; whether one did. Raises StartupError."""
    garbage_collection.resume()
    configure_logging(settings.log_level, settings.log_format, secrets_of(settings))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            return runner.run(_until_signalled(part, settings))
        except (StoreError, BridgeError) as error:
            raise StartupError(" ".join(str(error).split())) from error
        finally:
            # The loop's handlers are gone: a late signal would kill the process with another exit code.
            signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)


async def _until_signalled(
    part: Callable[[Settings], Coroutine[None, None, None]], settings: Settings
) -> bool:
    """A signal cancels `part`, also during start-up; what it has opened is closed in reverse."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(part(settings))

    def on_signal() -> None:
        # Once: a second signal must not interrupt the shutdown.
        if not task.cancelling():
            log.info("stopping")
            task.cancel()

    for number in ENDING:
        # `nohup` asks for SIGHUP to be ignored. A shell does so with SIGINT for all that it starts by `&`.
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, on_signal)
    try:
        await task
    except asyncio.CancelledError:
        log.info("stopped")
        return True
    return False


def secrets_of(settings: Settings) -> list[str]:
    """The secrets that log records must not contain; API keys are added when they are decrypted."""
    url = settings.database_url.get_secret_value() if settings.database_url else None
    token = settings.token.get_secret_value() if settings.token else None
    secret_key = settings.secret_key.get_secret_value() if settings.secret_key else None
    of_url = database_url.parse(url).secrets if url else ()
    of_settings = [secret for secret in (*of_url, token, secret_key) if secret]
    return of_settings + secret_values(settings.runner.inherited_environment())
