"""The mutation that brings a directory of benchmark definitions into the database."""

from typing import Annotated, Self

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
    def of(cls, error: FormatError) -> Self:
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
    stays_archived: bool = strawberry.field(
        description="Whether the benchmark is archived on request: it has the file's content and stays archived "
        "until `restoreBenchmark`."
    )

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
    def of(cls, report: sync.FileReport) -> Self:
        return cls(
            file=report.file,
            benchmark_id=None if report.benchmark_id is None else strawberry.ID(report.benchmark_id),
            outcome=report.outcome,
            error=None if report.error is None else InvalidBenchmarkError.of(report.error),
            remarks=[Remark(path=remark.path, message=remark.message) for remark in report.remarks],
            stays_archived=report.stays_archived,
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
    kept: int = strawberry.field(
        description="Benchmarks that another benchmarks directory brought, and whose file is not in this one: "
        "they stay."
    )
    failed: int = strawberry.field(description="Files that were refused.")
    duration_ms: int = strawberry.field(description="Milliseconds it took.")
    files: list[SyncedFile] = strawberry.field(description="File by file, in order of name.")


SyncBenchmarksResult = Annotated[
    SyncBenchmarksSuccess | BenchmarksDirectoryError,
    strawberry.union("SyncBenchmarksResult", description="What was done, or why nothing was."),
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
            info.context.db,
            info.context.runner.benchmarks_dir,
            name=info.context.runner.benchmarks_name,
            dry_run=wanted.dry_run,
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
        kept=count(SyncOutcome.KEPT),
        failed=count(SyncOutcome.FAILED),
        duration_ms=report.duration_ms,
        files=[SyncedFile.of(file) for file in report.files],
    )
