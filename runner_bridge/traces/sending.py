"""Sends spans over OTLP/HTTP with OpenTelemetry's exporter, which blocks: each request has a thread of its own.

The standard variables for headers, time limit, compression, certificates, service name and resource are honoured.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from runner_bridge.version import VERSION

PATH = "/v1/traces"

LONGEST_S = 30.0
"""Of one request: a receiver that drips outlasts the exporter's own limit, which is for each read."""

# One record for each execution during an outage says nothing: the exporter of ours tells of its begin and its end.
logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)


class Sender:
    """Sends to `endpoint`, the base address of a collector; one request at a time."""

    def __init__(self, endpoint: str) -> None:
        base = endpoint.rstrip("/").removesuffix(PATH)
        self._exporter = OTLPSpanExporter(endpoint=base + PATH)
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come before these.
        own = Resource({SERVICE_NAME: "reev-gql", SERVICE_VERSION: VERSION})
        given = Resource.create()
        is_named = not str(given.attributes.get(SERVICE_NAME, "")).startswith("unknown_service")
        self.resource = own.merge(given) if is_named else given.merge(own)
        self._is_sending = False

    async def send(self, spans: Sequence[ReadableSpan]) -> bool:
        """Whether the receiver has accepted them within LONGEST_S."""
        if self._is_sending:
            # The last request was given up, and has not ended.
            return False
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        results: list[bool] = []

        def export() -> None:
            try:
                results.append(self._exporter.export(spans) is SpanExportResult.SUCCESS)
            finally:
                # Its thread may live on for a moment.
                self._is_sending = False
                loop.call_soon_threadsafe(done.set)

        self._is_sending = True
        # A daemon: the process does not wait for a receiver that hangs.
        threading.Thread(target=export, name="traces", daemon=True).start()
        try:
            async with asyncio.timeout(LONGEST_S):
                await done.wait()
        except TimeoutError:
            return False
        return results == [True]
