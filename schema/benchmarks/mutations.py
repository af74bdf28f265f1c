"""Mutations that bring benchmark definitions into the database. None of them starts a process."""

from __future__ import annotations

from typing import Annotated

import strawberry

from runner_bridge.benchmarks import sync
from runner_bridge.errors import BenchmarksDirectoryError as DirectoryFault
from runner_bridge.formats.errors import FormatError
from schema.benchmarks.remarks import Remark
from schema.contract.context import Info
from schema.contract.enums import SyncOutcome
from schema.contract.errors import Error, ErrorCode
from schema.contract.references import BENCHMARK, nullable
from store import model
from store.model import BenchmarkId


@strawberry.type(description="The text is not a benchmark definition. Nothing was written.")
class InvalidBenchmarkError(Error):
    line: int | None = strawberry.field(description="Line of the text, from 1; null when it has no place.")
    column: int | None = strawberry.field(description="Column of that line, from 1.")

    @classmethod
    def of(cls, error: FormatError) -> InvalidBenchmarkError:
        return cls(
            message=error.message, code=ErrorCode.INVALID_BENCHMARK, line=error.line, column=error.column
        )


@strawberry.type(description="The benchmarks directory cannot be read. Nothing was written.")
class BenchmarksDirectoryError(Error):
    pass


@strawberry.type(description="What a sync did with one file.")
class SyncedFile:
    file: str = strawberry.field(description="Its name in the benchmarks directory.")
    benchmark_id: strawberry.ID | None = strawberry.field(
        description="The benchmark it defines; null when it could not be read that far."
    )
    outcome: SyncOutcome = strawberry.field(description="What was done.")
    error: InvalidBenchmarkError | None = strawberry.field(description="Why it was refused.")
    remarks: list[Remark] = strawberry.field(description="What of it cannot be evaluated here.")

    @strawberry.field(
        graphql_type=nullable(BENCHMARK),
        description="The benchmark as it is stored now, which says whether it can be played here and whether it "
        "has a reference answer; null when it is not stored.",
    )
    async def benchmark(self, info: Info) -> model.Benchmark | None:
        if self.benchmark_id is None:
            return None
        return await info.context.loaders.benchmark.load(BenchmarkId(self.benchmark_id))

    @classmethod
    def of(cls, report: sync.FileReport) -> SyncedFile:
        return cls(
            file=report.file,
            benchmark_id=None if report.benchmark_id is None else strawberry.ID(report.benchmark_id),
            outcome=report.outcome,
            error=None if report.error is None else InvalidBenchmarkError.of(report.error),
            remarks=[Remark(path=remark.path, message=remark.message) for remark in report.remarks],
        )


@strawberry.input(description="How to sync.")
class SyncBenchmarksInput:
    dry_run: bool = strawberry.field(
        default=False, description="Only report what a sync would change; nothing is written."
    )


@strawberry.type(
    description="The directory was read, and the database holds what is in it; after a dry run, it would."
)
class SyncBenchmarksSuccess:
    created: int = strawberry.field(description="New benchmarks.")
    updated: int = strawberry.field(
        description="Benchmarks with a new revision, or restored from the archive."
    )
    unchanged: int = strawberry.field(description="Benchmarks for which nothing was written.")
    archived: int = strawberry.field(description="Benchmarks whose file is missing.")
    failed: int = strawberry.field(description="Files that were refused.")
    duration_ms: int = strawberry.field(description="Milliseconds it took.")
    files: list[SyncedFile] = strawberry.field(description="File by file, in order of name.")


@strawberry.input(description="A benchmark definition.")
class UpsertBenchmarkInput:
    source: str = strawberry.field(description="The YAML text.")


@strawberry.type(description="The definition is stored.")
class UpsertBenchmarkSuccess:
    benchmark: model.Benchmark = strawberry.field(
        graphql_type=BENCHMARK, description="The benchmark as it is now."
    )
    outcome: SyncOutcome = strawberry.field(description="CREATED, UPDATED or UNCHANGED.")


SyncBenchmarksResult = Annotated[
    SyncBenchmarksSuccess | BenchmarksDirectoryError,
    strawberry.union("SyncBenchmarksResult", description="What was done, or why nothing was."),
]

UpsertBenchmarkResult = Annotated[
    UpsertBenchmarkSuccess | InvalidBenchmarkError,
    strawberry.union("UpsertBenchmarkResult", description="The benchmark, or what is wrong with the text."),
]


async def sync_benchmarks(
    info: Info,
    input: Annotated[
        SyncBenchmarksInput | None, strawberry.argument(description="How; for real when not given.")
    ] = None,
) -> SyncBenchmarksResult:
    wanted = input or SyncBenchmarksInput()
    try:
        report = await sync.sync_benchmarks(
            info.context.db, info.context.runner.benchmarks_dir, dry_run=wanted.dry_run
        )
    except DirectoryFault as error:
        return BenchmarksDirectoryError(message=str(error), code=ErrorCode.BENCHMARKS_DIRECTORY)

    def count(outcome: SyncOutcome) -> int:
        return sum(file.outcome is outcome for file in report.files)

    return SyncBenchmarksSuccess(
        created=count(SyncOutcome.CREATED),
        updated=count(SyncOutcome.UPDATED),
        unchanged=count(SyncOutcome.UNCHANGED),
        archived=count(SyncOutcome.ARCHIVED),
        failed=count(SyncOutcome.FAILED),
        duration_ms=report.duration_ms,
        files=[SyncedFile.of(file) for file in report.files],
    )


async def upsert_benchmark(
    info: Info, input: Annotated[UpsertBenchmarkInput, strawberry.argument(description="The definition.")]
) -> UpsertBenchmarkResult:
    try:
        benchmark, outcome = await sync.upsert_benchmark(info.context.db, input.source)
    except FormatError as error:
        return InvalidBenchmarkError.of(error)
    return UpsertBenchmarkSuccess(benchmark=benchmark, outcome=outcome)
