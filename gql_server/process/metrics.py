"""/metrics for Prometheus: figures of this process, and figures of the database.

The one module that knows Prometheus; the parts offer plain numbers. A registry of its own, nothing of the
library's defaults. It needs a token where one is set (auth/route_scopes.py): figures show what is executed here.

What the database knows (every name without `_server_`) is the same at every server: add nothing up. It is
asked at most once in REMEMBER_S, however often the page is read, and while it is away `database_up` is 0 and
its figures are left out, never repeated from memory.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass
from itertools import accumulate

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from runner_bridge.counters import Counters
from store.errors import StoreError
from store.live.delivery_latency import BOUNDS_S, LatencyHistogram
from store.live.hub import Hub
from store.model import ExecutionStatus
from store.postgres.database import Database
from store.workers import gauges
from store.workers.gauges import Gauges

REMEMBER_S = 1.0
"""However often the page is read, the database is asked once in this time."""

READ_TIMEOUT_S = 3.0
"""Prometheus gives up after ten seconds; an answer without the database is worth more than none."""


@dataclass(frozen=True)
class ProcessFigures:
    """Gauges of this process: its open streams, and what its worker counts."""

    streams: Sized
    counters: Counters


def metrics_page(db: Database, hub: Hub, seen: ProcessFigures) -> Handler:
    """Answers with everything in Prometheus' text format."""
    remembered = _DatabaseFigures(db)

    async def answer(request: web.Request) -> web.StreamResponse:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Page(await remembered.read(), hub, seen))
        headers = {"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"}
        return web.Response(body=generate_latest(registry), headers=headers)

    return answer


class _DatabaseFigures:
    """The database's figures, None while it does not answer."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = asyncio.Lock()
        self._read_at = -math.inf
        self._figures: Gauges | None = None

    async def read(self) -> Gauges | None:
        async with self._lock:
            if time.monotonic() - self._read_at >= REMEMBER_S:
                try:
                    async with asyncio.timeout(READ_TIMEOUT_S):
                        self._figures = await gauges.read(self._db)
                except (TimeoutError, StoreError):
                    self._figures = None
                self._read_at = time.monotonic()
        return self._figures


class _Page(Collector):
    """Everything, as it is at one moment."""

    def __init__(self, known: Gauges | None, hub: Hub, seen: ProcessFigures) -> None:
        self._known = known
        self._hub = hub
        self._seen = seen

    def collect(self) -> Iterator[Metric]:
        yield from self._of_this_process()
        yield _gauge("database_up", "Whether the database answers", float(self._known is not None))
        if self._known is not None:
            yield from _of_the_database(self._known)

    def _of_this_process(self) -> Iterator[Metric]:
        hub = self._hub
        meaning = "Websockets and event streams that are open at this server"
        yield _gauge("server_open_streams", meaning, len(self._seen.streams))
        meaning = (
            "Followers of executions here, supervisions included; subscribers of one broadcast count as one"
        )
        yield _gauge("server_followers", meaning, hub.followers)
        if hub.is_open:
            lag = hub.updates.lag_s
            yield _gauge("server_hub_lag_seconds", "Since this server last read the event log", lag)
        yield _feedback(hub.delivery_latency)
        yield from _of_the_worker(self._seen.counters)


def _of_the_worker(counters: Counters) -> Iterator[Metric]:
    """Of this process's own, since its start; zeros where it has none."""
    leaked = "Processes of runners that this server's worker could not end"
    yield _counter("server_leaked_processes", leaked, counters.leaked_processes)
    limits = "Runners that it ended at a limit: of their start-up, their run or their silence"
    yield _counter("server_time_limits", limits, counters.time_limits)
    recovered = "Executions that it took over from workers that were gone"
    yield _counter("server_recovered_executions", recovered, counters.recovered)
    delivered = "Deliveries of webhooks by this server's worker that receivers accepted"
    yield _counter("server_webhook_deliveries", delivered, counters.webhook_deliveries)
    failed = "Attempts of its at such deliveries that failed"
    yield _counter("server_webhook_failures", failed, counters.webhook_failures)
    yield _counter("server_traces_sent", "Traces of executions that it sent", counters.traces_sent)
    dropped = "Traces that it dropped, because the receiver failed or too many waited"
    yield _counter("server_traces_dropped", dropped, counters.traces_dropped)


def _of_the_database(known: Gauges) -> Iterator[Metric]:
    queued = known.live.get(ExecutionStatus.QUEUED, 0)
    yield _gauge("queue_depth", "Executions that wait for a worker", queued)
    yield _gauge("queue_oldest_seconds", "How long the oldest of them has waited", known.oldest_queued_s)
    yield _by_status(GaugeMetricFamily, "live_executions", "Executions that have not ended", known.live)
    yield _by_status(CounterMetricFamily, "executions_ended", "Executions that have ended, ever", known.ended)
    yield _gauge("ingest_conflicts", "Second session files of executions that had ended", known.conflicts)
    yield _gauge("ingest_failures", "Session files that cannot be used, of those recorded", known.bad_files)
    yield _gauge(
        "webhook_pending", "Deliveries of webhooks that receivers have not accepted", known.deliveries
    )
    disabled = "Webhooks that were given up, because their receivers failed for days"
    yield _gauge("webhook_disabled", disabled, known.disabled_webhooks)
    usage = known.notification_queue
    yield _gauge("notification_queue_usage", "How full PostgreSQL's notification queue is, 0 to 1", usage)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"reev_gql_{name}", meaning, value=value)


def _counter(name: str, meaning: str, value: float) -> Metric:
    return CounterMetricFamily(f"reev_gql_{name}", meaning, value=value)


def _by_status(
    kind: type[GaugeMetricFamily] | type[CounterMetricFamily],
    name: str,
    meaning: str,
    counts: dict[ExecutionStatus, int],
) -> Metric:
    family = kind(f"reev_gql_{name}", meaning, labels=["status"])
    for status, count in counts.items():
        family.add_metric([status.value], count)
    return family


def _feedback(latencies: LatencyHistogram) -> Metric:
    sums: Sequence[int] = list(accumulate(latencies.counts))
    bounds = [*(str(bound) for bound in BOUNDS_S), "+Inf"]
    return HistogramMetricFamily(
        "reev_gql_server_feedback_seconds",
        "From an event's commit until it is handed to a follower",
        buckets=list(zip(bounds, sums, strict=True)),
        sum_value=latencies.total_s,
    )
