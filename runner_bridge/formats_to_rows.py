"""Converts the models of `formats` into the rows of the store, and back: the one module that knows both."""

from __future__ import annotations

from collections.abc import Sequence

from runner_bridge.formats.benchmarks import benchmark as benchmark_format
from runner_bridge.formats.benchmarks.remarks import Remark, RemarkKind
from runner_bridge.formats.tool_logs import tool_call as tool_call_format
from store.model import BenchmarkDraft, BenchmarkId, JsonValue, ToolCall, ToolCallStatus
from store.postgres.text import EncodedJson, encode_json


def tool_call(call: tool_call_format.ToolCall) -> ToolCall:
    return ToolCall(
        ordinal=call.ordinal,
        name=call.name,
        raw_name=call.raw_name,
        status=ToolCallStatus(call.status),
        started_at=call.started_at,
        ended_at=call.ended_at,
        duration_ms=call.duration_ms,
        params=call.params,
        result=call.result,
        error_message=call.error_message,
    )


def encoded_tool_calls(calls: Sequence[tool_call_format.ToolCall]) -> EncodedJson:
    """Tool calls as JSON for the store. Their fields are called the same there: none is converted by itself."""
    return EncodedJson(encode_json(list(calls)))


def remark(stored: JsonValue) -> Remark:
    return Remark(kind=RemarkKind(stored["kind"]), path=stored["path"], message=stored["message"])


def benchmark_draft(benchmark: benchmark_format.Benchmark, source_path: str | None = None) -> BenchmarkDraft:
    """A parsed definition as the store takes it; `source_path` is None when it came over the API."""
    return BenchmarkDraft(
        id=BenchmarkId(benchmark.id),
        description=benchmark.description,
        prompt=benchmark.prompt,
        tags=tuple(benchmark.tags),
        source=benchmark.source_text,
        content_hash=benchmark.content_hash,
        definition=benchmark.definition,
        remarks=[remark.to_json() for remark in benchmark.remarks],
        source_path=source_path,
    )
