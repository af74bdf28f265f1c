"""Ids from clients, checked before they reach the database, a path or a command line."""

from __future__ import annotations

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.ids import check_id
from schema.contract.errors import RequestError
from store.model import BatchId, BenchmarkId, ExecutionId
from store.postgres.uuids import uuid_of


def parse_execution_id(text: str) -> ExecutionId | None:
    """The execution id that `text` spells; None when it is not a UUID in its usual form."""
    try:
        parsed = uuid_of(text)
    except ValueError:
        return None
    return ExecutionId(parsed) if str(parsed) == text.lower() else None


def execution_id_argument(text: str) -> ExecutionId:
    """The same for a query's argument: raises RequestError."""
    parsed = parse_execution_id(text)
    if parsed is None:
        raise RequestError("INVALID_ID", f"{text[:80]!r} is not an execution id: those are UUIDs")
    return parsed


def benchmark_id_argument(text: str) -> BenchmarkId:
    """A benchmark id as a query's argument: raises RequestError."""
    try:
        return BenchmarkId(check_id(text, "benchmark id"))
    except FormatError as error:
        raise RequestError("INVALID_ID", error.message) from None


def batch_id_argument(text: str) -> BatchId:
    """A batch id as a query's argument: raises RequestError."""
    parsed = parse_execution_id(text)
    if parsed is None:
        raise RequestError("INVALID_ID", f"{text[:80]!r} is not a batch id: those are UUIDs")
    return BatchId(parsed)
