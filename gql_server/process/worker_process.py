"""The worker of a process, and the recovery of executions in a server without one, each as a context."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from gql_server.process import garbage_collection
from gql_server.process.services import Services
from gql_server.settings.settings import FEED_CONNECTIONS, Settings
from runner_bridge.log_context import fields
from runner_bridge.traces.exporter import TraceExporter, TracesConfig
from runner_bridge.version import VERSION
from runner_bridge.webhooks.deliverer import Deliverer, DelivererConfig
from runner_bridge.worker.recovery import close_unseen
from runner_bridge.worker.retention import RetentionPolicy, keep_pruning
from runner_bridge.worker.worker import Worker

log = logging.getLogger(__name__)


async def work_alone(settings: Settings, services: Services, **addresses: str) -> None:
    """A worker without a server, until cancelled; it logs `addresses` when it is ready."""
    async with running_worker(settings, services) as worker:
        garbage_collection.settle()
        connections = settings.worker_pool_size + FEED_CONNECTIONS
        told = fields(limit=settings.limits.capacity, connections=connections, **addresses)
        log.info("working", extra=told)
        await asyncio.wait({worker})
        worker.result()


@asynccontextmanager
async def running_worker(settings: Settings, services: Services) -> AsyncIterator[asyncio.Task[None]]:
    """A worker that runs while the context is open. When it ends, the settings say what becomes of runners."""
    worker = Worker(
        services.db,
        settings.runner,
        limits=settings.limits,
        lost_after_s=settings.worker_lost_after_s,
        version=VERSION,
        counters=services.counters,
    )
    task = asyncio.create_task(worker.run(), name="worker")
    # Each can be cancelled at any time: a batch of retention is one transaction, a delivery is repeated.
    beside = [
        asyncio.create_task(_retention(settings, services), name="retention"),
        asyncio.create_task(_deliverer(settings, services, worker).run(), name="webhooks"),
    ]
    traces = asyncio.create_task(_traces(settings, services, worker), name="traces")
    try:
        yield task
    except asyncio.CancelledError:
        if settings.runners_on_shutdown == "finish":
            await _finish(worker, settings.finish_timeout_s)
        raise
    finally:
        worker.stop()
        for one in beside:
            one.cancel()
        await asyncio.wait({task}, timeout=worker.leaves_within_s)
        task.cancel()
        # Of what has just ended too.
        traces.cancel()
        await asyncio.gather(task, traces, *beside, return_exceptions=True)


async def _finish(worker: Worker, timeout_s: float) -> None:
    log.info("finishing", extra=fields(within_s=timeout_s))
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await worker.finish()


async def _traces(settings: Settings, services: Services, worker: Worker) -> None:
    if settings.otlp_endpoint is not None:
        config = TracesConfig(settings.otlp_endpoint, settings.public_url, settings.otlp_content)
        await TraceExporter(services.db, worker.ended, worker.id, config, services.counters).run()


def _deliverer(settings: Settings, services: Services, worker: Worker) -> Deliverer:
    config = DelivererConfig(settings.runner.secret_key, settings.public_url)
    return Deliverer(services.db, worker.deliveries, config, services.counters)


async def _retention(settings: Settings, services: Services) -> None:
    if settings.retention_days is not None:
        policy = RetentionPolicy(dt.timedelta(days=settings.retention_days), settings.retention_files)
        await keep_pruning(services.db, settings.runner, policy)


@asynccontextmanager
async def closing_lost_executions(
    settings: Settings, services: Services
) -> AsyncIterator[asyncio.Task[None]]:
    """For a server without a worker: closes executions whose worker is gone, while the context is open."""
    task = asyncio.create_task(
        close_unseen(services.db, settings.worker_lost_after_s, rerun_lost=settings.rerun_lost),
        name="recovery",
    )
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
