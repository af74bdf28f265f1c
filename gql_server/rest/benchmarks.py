"""Benchmarks: listed, looked at, synced from files, and stored from a text."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from aiohttp import web
from pydantic import TypeAdapter

from gql_server.responses.errors import BadRequest
from gql_server.rest.context import Rest, benchmark_not_found, body_of, read, read_list, written
from gql_server.rest.shapes import (
    BenchmarkAnswer,
    ListedBenchmark,
    RecentExecution,
    SyncAnswer,
    SyncCounts,
    SyncedBenchmark,
    SyncError,
    UpsertAnswer,
    UpsertBody,
    UpsertRefused,
)
from gql_server.rest.words import lower_word
from runner_bridge.benchmarks import editing
from runner_bridge.benchmarks import sync as benchmark_sync
from runner_bridge.benchmarks.sync import FileReport, SyncReport
from runner_bridge.errors import BenchmarksDirectoryError, HeldByFile
from runner_bridge.formats.errors import FormatError
from store.benchmarks import benchmarks
from store.executions import polled as polls
from store.model import BenchmarkId, SyncOutcome
from store.postgres.text import storable_text

RECENT = 10
"""Executions that are listed with a benchmark."""

LIST = TypeAdapter(list[ListedBenchmark])

Operation = Literal["created", "updated", "unchanged"]
_OPERATIONS: dict[SyncOutcome, Operation] = {
    SyncOutcome.CREATED: "created",
    SyncOutcome.UPDATED: "updated",
    SyncOutcome.UNCHANGED: "unchanged",
    SyncOutcome.KEPT: "unchanged",
}


async def listed(rest: Rest, request: web.Request) -> web.StreamResponse:
    """GET /benchmarks"""
    found = [
        ListedBenchmark(id=row.id, description=row.description, tags=list(row.tags), prompt=row.prompt)
        for row in await polls.benchmarks(rest.db)
    ]
    return read_list(rest, request, LIST, found)


async def one(rest: Rest, request: web.Request) -> web.StreamResponse:
    """GET /benchmarks/{id}"""
    benchmark_id = request.match_info["id"]
    benchmark = await benchmarks.get(rest.db, BenchmarkId(benchmark_id))
    if benchmark is None:
        raise benchmark_not_found(benchmark_id)
    recent = await polls.recent(rest.db, benchmark_id, RECENT)
    answer = BenchmarkAnswer(
        id=benchmark.id,
        description=benchmark.description,
        tags=list(benchmark.tags),
        prompt=benchmark.prompt,
        recent_executions=[
            RecentExecution(
                execution_id=str(row.id),
                agent_type=row.agent,
                status=lower_word(row.status),
                created_at=row.queued_at,
                score=row.score,
            )
            for row in recent
        ],
        latest_execution_id=str(recent[0].id) if recent else None,
    )
    return read(rest, request, answer)


async def sync(rest: Rest, request: web.Request) -> web.StreamResponse:
    """POST /sync"""
    try:
        report = await benchmark_sync.sync_benchmarks(
            rest.db, rest.runner.benchmarks_dir, name=rest.runner.benchmarks_name
        )
    except BenchmarksDirectoryError as error:
        raise BadRequest(
            str(error), code="BENCHMARKS_DIRECTORY", status=HTTPStatus.SERVICE_UNAVAILABLE
        ) from error
    return written(_sync_answer(report))


def _sync_answer(report: SyncReport) -> SyncAnswer:
    def count(*outcomes: SyncOutcome) -> int:
        return sum(file.outcome in outcomes for file in report.files)

    failed = count(SyncOutcome.FAILED)
    counts = SyncCounts(
        processed_count=len(report.files),
        new_count=count(SyncOutcome.CREATED),
        updated_count=count(SyncOutcome.UPDATED),
        archived_count=count(SyncOutcome.ARCHIVED),
        error_count=failed,
        duration_ms=report.duration_ms,
        synced_benchmarks=[_synced(file) for file in report.files if file.error is None],
        errors=[
            SyncError(file=storable_text(file.file), message=storable_text(str(file.error)))
            for file in report.files
            if file.error is not None
        ],
    )
    message = f"{len(report.files) - failed} files are as they are stored"
    return SyncAnswer(
        success=not failed,
        synced_count=counts,
        message=f"{message}, {failed} were refused" if failed else message,
    )


def _synced(file: FileReport) -> SyncedBenchmark:
    operation = "archived" if file.outcome is SyncOutcome.ARCHIVED else _OPERATIONS[file.outcome]
    name = storable_text(file.benchmark_id or file.file)
    return SyncedBenchmark(name=name, md5=None, operation=operation, processing_time_ms=None)


async def upsert(rest: Rest, request: web.Request) -> web.StreamResponse:
    """POST /upsert-yml"""
    body = await body_of(request, UpsertBody)
    try:
        changed = await editing.store_definition(rest.db, rest.runner.benchmark_files, body.yml_content)
    except FormatError as error:
        code = "INVALID_BENCHMARK"
        refused = UpsertRefused(
            success=False,
            error=code,
            message=storable_text(error.message),
            line=error.line,
            column=error.column,
        )
        return written(refused, HTTPStatus.BAD_REQUEST)
    except HeldByFile as error:
        raise BadRequest(str(error), code="BENCHMARK_IN_FILE", status=HTTPStatus.CONFLICT) from error
    benchmark, operation = changed.benchmark, _OPERATIONS[changed.outcome]
    return written(
        UpsertAnswer(
            success=True,
            benchmark_id=benchmark.id,
            operation=operation,
            message=f"Benchmark {benchmark.id} was {operation}",
        )
    )
