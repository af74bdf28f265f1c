"""Traces of ended executions, as a real OTLP/HTTP receiver decodes them."""

from __future__ import annotations

import asyncio
import datetime as dt
import subprocess
import sys
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from runner_bridge.counters import Counters
from runner_bridge.traces.exporter import QUEUE, TraceExporter, TracesConfig
from store.executions import messages, state_machine
from store.live.hub import Hub
from store.model import EventKind, ExecutionId, ExecutionStatus, Failure, FailureKind, MessageKind
from store.postgres.database import Database
from tests.helpers.patience import until
from tests.helpers.stored_rows import call, ending, message, running
from tests.helpers.workers import id_of

SECRET_PROMPT = "prompt-canary"
MODEL = "qwen3:8b"


@dataclass
class Collector:
    """What arrived, decoded; `release` lets a receiver that hangs go on."""

    url: str = ""
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@contextmanager
def collector(status: int = 200, *, hangs: bool = False) -> Iterator[Collector]:
    seen = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
            if hangs:
                seen.release.wait()
            seen.headers.append(dict(self.headers))
            seen.requests.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    seen.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield seen
    finally:
        seen.release.set()
        server.shutdown()
        server.server_close()


@asynccontextmanager
async def exporting(
    db: Database, hub: Hub, url: str, worker: str = "worker", **config: Any
) -> AsyncIterator[tuple[TraceExporter, Counters]]:
    counters = Counters()
    exporter = TraceExporter(db, hub.status_changes, id_of(worker), TracesConfig(url, **config), counters)
    task = asyncio.create_task(exporter.run())
    try:
        await until(lambda: exporter.ended.has_begun)
        yield exporter, counters
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def values(attributes: Any) -> dict[str, Any]:
    def value(one: AnyValue) -> Any:
        name = one.WhichOneof("value")
        return (
            [value(item) for item in one.array_value.values]
            if name == "array_value"
            else getattr(one, name or "")
        )

    return {each.key: value(each.value) for each in attributes}


async def conversation(db: Database, execution_id: ExecutionId) -> None:
    """Two requests, of which the first failed once, and a tool call."""
    said = [{"role": "user", "parts": [{"type": "text", "content": SECRET_PROMPT}]}]
    asked = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": MODEL,
        "gen_ai.provider.name": "openai",
        "gen_ai.request.temperature": 0.5,
        "reev.turn": 1,
        "server.port": 11434,
    }
    now = dt.datetime.now(dt.UTC)
    lines: list[tuple[MessageKind, dict[str, Any]]] = [
        (MessageKind.REQUEST, {**asked, "gen_ai.input.messages": said}),
        (MessageKind.ERROR, {"error.type": "RATE_LIMITED", "reev.message": "slow down"}),
        (MessageKind.REQUEST, asked),
        (
            MessageKind.RESPONSE,
            {
                "gen_ai.response.model": MODEL,
                "gen_ai.response.finish_reasons": ["tool_calls"],
                "gen_ai.usage.input_tokens": 100,
                "gen_ai.usage.output_tokens": 10,
            },
        ),
        (
            MessageKind.TOOL,
            {
                "gen_ai.tool.name": "sol_transfer",
                "gen_ai.tool.call.id": "c1",
                "gen_ai.tool.call.arguments": SECRET_PROMPT,
                "reev.duration_ms": 5,
            },
        ),
    ]
    rows = [
        message(number, kind=kind, data=data, at=now + dt.timedelta(milliseconds=10 * number))
        for number, (kind, data) in enumerate(lines, 1)
    ]
    usage = {"model": MODEL, "input_tokens": 100, "output_tokens": 10, "cost": 0.25}
    assert await messages.append(db, execution_id, rows, usage)


async def ended(db: Database, **changes: Any) -> ExecutionId:
    execution_id = await running(db)
    await conversation(db, execution_id)
    await state_machine.finish(db, execution_id, ending(**changes))
    return execution_id


async def test_an_execution_is_one_trace_with_its_requests_and_tool_calls(db: Database, hub: Hub) -> None:
    with collector() as seen:
        async with exporting(db, hub, seen.url, public_url="https://reev.example.org") as (_, counters):
            solved = {"score": 1.0, "scoring": {"score": 1.0}, "assertions": [], "success": True}
            execution_id = await ended(db, **solved)
            await until(lambda: counters.traces_sent)
    execution = await state_machine.get(db, execution_id)
    assert execution is not None and execution.started_at is not None and execution.ended_at is not None
    root, *parts = seen.spans
    assert root.name == "invoke_agent deterministic" and root.parent_span_id == b""
    assert {span.trace_id for span in seen.spans} == {execution_id.bytes}
    assert {span.parent_span_id for span in parts} == {root.span_id}
    assert len({span.span_id for span in seen.spans}) == len(seen.spans)
    assert [span.name for span in parts] == [f"chat {MODEL}", f"chat {MODEL}", "execute_tool sol_transfer"]
    assert root.start_time_unix_nano == round(execution.started_at.timestamp() * 1e6) * 1000
    assert root.end_time_unix_nano == round(execution.ended_at.timestamp() * 1e6) * 1000
    for span in parts:
        assert root.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.end_time_unix_nano <= root.end_time_unix_nano
    about = values(root.attributes)
    expected = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "deterministic",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": MODEL,
        "gen_ai.usage.input_tokens": 100,
        "reev.execution.url": f"https://reev.example.org/executions/{execution_id}",
        "reev.execution.status": "SUCCEEDED",
        "reev.benchmark.id": "bench",
        "reev.solved": True,
        "reev.is_attempt": True,
        "reev.score.computed": 1.0,
        "reev.cost_usd": 0.25,
    }
    assert expected.items() <= about.items()
    assert root.status.code == 0
    [verdict] = root.events
    assert verdict.name == "gen_ai.evaluation.result"
    assert values(verdict.attributes)["gen_ai.evaluation.score.label"] == "solved"
    failed, answered, tool = parts
    assert (failed.status.code, values(failed.attributes)["error.type"]) == (2, "RATE_LIMITED")
    assert (failed.kind, tool.kind) == (Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_INTERNAL)
    assert values(answered.attributes)["gen_ai.response.finish_reasons"] == ["tool_calls"]
    assert values(answered.attributes)["gen_ai.request.temperature"] == 0.5
    assert values(tool.attributes)["gen_ai.tool.call.id"] == "c1"
    service = values(seen.requests[0].resource_spans[0].resource.attributes)
    assert service["service.name"] == "reev-gql"
    # What was said stays here.
    assert SECRET_PROMPT not in str(seen.requests)


async def test_content_is_sent_when_it_is_asked_for(db: Database, hub: Hub) -> None:
    with collector() as seen:
        async with exporting(db, hub, seen.url, with_content=True) as (_, counters):
            await ended(db)
            await until(lambda: counters.traces_sent)
    first = values(seen.spans[1].attributes)
    assert SECRET_PROMPT in first["gen_ai.input.messages"]
    assert values(seen.spans[-1].attributes)["gen_ai.tool.call.arguments"] == SECRET_PROMPT


async def test_a_failure_is_an_error_and_calls_of_a_tool_log_are_spans(db: Database, hub: Hub) -> None:
    with collector() as seen:
        async with exporting(db, hub, seen.url) as (_, counters):
            execution_id = await running(db)
            now = dt.datetime.now(dt.UTC)
            made = call(1, started_at=now, ended_at=now + dt.timedelta(milliseconds=7))
            unknown = call(2)
            await state_machine.append_tool_calls(
                db, execution_id, [(EventKind.TOOL_CALL_ENDED, made), (EventKind.TOOL_CALL_ENDED, unknown)]
            )
            failure = Failure(FailureKind.AGENT, SECRET_PROMPT)
            await state_machine.finish(db, execution_id, ending(ExecutionStatus.FAILED, failure=failure))
            await until(lambda: counters.traces_sent)
    root, tool = seen.spans
    assert (root.status.code, root.status.message) == (2, "AGENT")
    assert values(root.attributes)["error.type"] == "AGENT" and SECRET_PROMPT not in str(seen.requests)
    assert tool.name == "execute_tool sol_transfer"


async def test_what_is_sent_twice_is_the_same(db: Database, hub: Hub) -> None:
    with collector() as seen:
        async with exporting(db, hub, seen.url) as (exporter, counters):
            execution_id = await ended(db)
            await until(lambda: counters.traces_sent)
            exporter._put(execution_id)
            await until(lambda: counters.traces_sent == 2)
    first, second = seen.requests
    assert first.SerializeToString() == second.SerializeToString()


async def test_each_execution_is_sent_by_one_worker(db: Database, hub: Hub) -> None:
    """Its own, or the first that is present when that is gone; and what never began by none."""
    with collector() as seen:
        async with (
            exporting(db, hub, seen.url, "worker") as (_, one),
            exporting(db, hub, seen.url, "other") as (_, two),
        ):
            await ended(db)
            await until(lambda: one.traces_sent == 1)
            execution_id = await running(db)
            await db.execute("UPDATE workers SET left_at = now()")
            await running(db, agent="another")
            await db.execute("UPDATE executions SET worker_id = NULL WHERE id = $1", execution_id)
            await state_machine.finish(db, execution_id, ending(ExecutionStatus.LOST))
            await until(lambda: one.traces_sent == 2)
    assert (two.traces_sent, two.traces_dropped, len(seen.requests)) == (0, 0, 2)


@pytest.mark.parametrize("make", [lambda: collector(400), lambda: collector(hangs=True)])
async def test_a_receiver_that_fails_or_hangs_slows_no_execution(
    db: Database, hub: Hub, make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner_bridge.traces.sending.LONGEST_S", 0.2)
    with make() as seen:
        async with exporting(db, hub, seen.url) as (_, counters):
            for _ in range(5):
                await ended(db)
            await until(lambda: counters.traces_dropped == 5)
    assert counters.traces_sent == 0


async def test_a_receiver_that_is_away_loses_traces_and_gets_the_next_ones(
    db: Database, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "evaluations")
    with collector(503) as away:
        async with exporting(db, hub, away.url) as (exporter, counters):
            await ended(db)
            await until(lambda: counters.traces_dropped)
            assert exporter._is_away
    with collector() as seen:
        async with exporting(db, hub, seen.url) as (_, counters):
            await ended(db)
            await until(lambda: counters.traces_sent)
    assert seen.headers[0]["x-key"] == "abc"
    service = values(seen.requests[0].resource_spans[0].resource.attributes)
    assert service["service.name"] == "evaluations"


async def test_the_queue_has_a_limit(db: Database, hub: Hub) -> None:
    counters = Counters()
    exporter = TraceExporter(
        db, hub.status_changes, id_of("worker"), TracesConfig("http://127.0.0.1:1"), counters
    )
    for _ in range(QUEUE + 3):
        exporter._put(ExecutionId(uuid.uuid4()))
    assert counters.traces_dropped == 3


def test_nothing_of_it_is_loaded_without_an_endpoint() -> None:
    """Nor the HTTP client of webhooks: both would slow every start of a worker."""
    check = "import sys, gql_server.process.worker_process; print([*sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", check], check=True, capture_output=True, text=True).stdout
    assert "runner_bridge.traces.exporter" in loaded and "runner_bridge.webhooks.deliverer" in loaded
    assert "opentelemetry" not in loaded and "aiohttp" not in loaded


async def test_shutdown_sends_what_is_queued(db: Database, hub: Hub) -> None:
    with collector() as seen:
        async with exporting(db, hub, seen.url) as (exporter, counters):
            execution_id = await ended(db)
            exporter._put(execution_id)
        assert counters.traces_sent >= 1 and counters.traces_dropped == 0
    assert len(seen.requests) == counters.traces_sent


async def test_a_trace_is_sent_though_the_thread_of_the_one_before_lives_on(
    db: Database, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does for a moment on a busy machine, after its request is over."""
    may_end = threading.Event()

    class Lingering(threading.Thread):
        def run(self) -> None:
            super().run()
            may_end.wait()

    with collector() as seen:
        monkeypatch.setattr("runner_bridge.traces.sending.threading", SimpleNamespace(Thread=Lingering))
        async with exporting(db, hub, seen.url) as (exporter, counters):
            for _ in range(2):
                exporter._put(await ended(db))
            await until(lambda: counters.traces_sent + counters.traces_dropped >= 2)
        may_end.set()
        assert counters.traces_dropped == 0
