"""Mutations that change one benchmark: its text, and whether it is archived. None of them starts a process."""

from typing import Annotated

import strawberry

from runner_bridge.benchmarks import editing
from runner_bridge.errors import BenchmarkChanged, FileNotWritten, HeldByFile, InvalidInput
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.ids import check_id
from schema.benchmarks.mutations import InvalidBenchmarkError
from schema.contract.context import Info
from schema.contract.enums import SyncOutcome
from schema.contract.errors import Error, ErrorCode, InvalidInputError
from schema.contract.references import BENCHMARK
from schema.executions.mutations import BenchmarkNotFoundError
from store import model
from store.errors import BenchmarkNotFound
from store.model import BenchmarkId

WRITE_FILE = (
    "Whether to write its file in the benchmarks directory too. A file with a content that is not stored here is "
    "left as it is."
)
WRITTEN_FILE = "Its file that was asked for and now holds the definition; null when none was."


@strawberry.type(
    description="BENCHMARK_IN_FILE: the benchmark's file says otherwise, and the next sync would undo the change. "
    "BENCHMARK_FILE_NOT_WRITTEN: the file was not written. Nothing was stored."
)
class BenchmarkFileError(Error):
    file: str = strawberry.field(description="Its name in the benchmarks directory.")


@strawberry.type(description="The benchmark is not at the revision that the change is based on.")
class BenchmarkChangedError(Error):
    revision: int | None = strawberry.field(
        description="Its revision now; null when there is no such benchmark."
    )


@strawberry.input(description="A benchmark definition.")
class UpsertBenchmarkInput:
    source: str = strawberry.field(description="The YAML text.")
    write_file: bool = strawberry.field(
        default=False,
        description=f"{WRITE_FILE} A benchmark without a file gets one, `{{id}}.yml`.",
    )
    base_revision: int | None = strawberry.field(
        default=None,
        description="The revision that the text was made from: nothing is stored when there is a newer one.",
    )


@strawberry.type(description="The definition is stored.")
class UpsertBenchmarkSuccess:
    benchmark: model.Benchmark = strawberry.field(
        graphql_type=BENCHMARK, description="The benchmark as it is now."
    )
    outcome: SyncOutcome = strawberry.field(description="CREATED, UPDATED or UNCHANGED.")
    written_file: str | None = strawberry.field(description=WRITTEN_FILE)


@strawberry.input(description="Which benchmark to archive.")
class ArchiveBenchmarkInput:
    benchmark_id: strawberry.ID = strawberry.field(description="The benchmark.")


@strawberry.type(description="The benchmark is archived.")
class ArchiveBenchmarkSuccess:
    benchmark: model.Benchmark = strawberry.field(
        graphql_type=BENCHMARK, description="The benchmark as it is now."
    )
    outcome: SyncOutcome = strawberry.field(description="ARCHIVED, or UNCHANGED when it was already.")


@strawberry.input(description="Which benchmark to restore.")
class RestoreBenchmarkInput:
    benchmark_id: strawberry.ID = strawberry.field(description="The benchmark.")
    write_file: bool = strawberry.field(
        default=False, description=f"For one whose file is missing. {WRITE_FILE}"
    )


@strawberry.type(description="The benchmark is not archived.")
class RestoreBenchmarkSuccess:
    benchmark: model.Benchmark = strawberry.field(
        graphql_type=BENCHMARK, description="The benchmark as it is now."
    )
    outcome: SyncOutcome = strawberry.field(description="UPDATED, or UNCHANGED when it was not archived.")
    written_file: str | None = strawberry.field(description="Its file that was written; null when none was.")


UpsertBenchmarkResult = Annotated[
    UpsertBenchmarkSuccess | InvalidBenchmarkError | BenchmarkFileError | BenchmarkChangedError,
    strawberry.union("UpsertBenchmarkResult", description="The benchmark, or why nothing was stored."),
]

ArchiveBenchmarkResult = Annotated[
    ArchiveBenchmarkSuccess | BenchmarkNotFoundError | InvalidInputError,
    strawberry.union("ArchiveBenchmarkResult", description="The benchmark, or that there is none."),
]

RestoreBenchmarkResult = Annotated[
    RestoreBenchmarkSuccess | BenchmarkNotFoundError | BenchmarkFileError | InvalidInputError,
    strawberry.union("RestoreBenchmarkResult", description="The benchmark, or why it stays archived."),
]


async def upsert_benchmark(
    info: Info, input: Annotated[UpsertBenchmarkInput, strawberry.argument(description="The definition.")]
) -> UpsertBenchmarkResult:
    try:
        changed = await editing.store_definition(
            info.context.db,
            info.context.runner.benchmark_files,
            input.source,
            base_revision=input.base_revision,
            write_file=input.write_file,
        )
    except FormatError as error:
        return InvalidBenchmarkError.of(error)
    except (HeldByFile, FileNotWritten) as error:
        return _file_error(error)
    except BenchmarkChanged as error:
        return BenchmarkChangedError(
            message=str(error), code=ErrorCode.BENCHMARK_CHANGED, revision=error.revision
        )
    return UpsertBenchmarkSuccess(
        benchmark=changed.benchmark, outcome=changed.outcome, written_file=changed.file
    )


async def archive_benchmark(
    info: Info, input: Annotated[ArchiveBenchmarkInput, strawberry.argument(description="Which one.")]
) -> ArchiveBenchmarkResult:
    try:
        changed = await editing.archive(info.context.db, _id(input.benchmark_id))
    except (BenchmarkNotFound, InvalidInput) as error:
        return _wrong_id(error, input.benchmark_id)
    return ArchiveBenchmarkSuccess(benchmark=changed.benchmark, outcome=changed.outcome)


async def restore_benchmark(
    info: Info, input: Annotated[RestoreBenchmarkInput, strawberry.argument(description="Which one.")]
) -> RestoreBenchmarkResult:
    context = info.context
    try:
        changed = await editing.restore(
            context.db, context.runner.benchmark_files, _id(input.benchmark_id), write_file=input.write_file
        )
    except (BenchmarkNotFound, InvalidInput) as error:
        return _wrong_id(error, input.benchmark_id)
    except (HeldByFile, FileNotWritten) as error:
        return _file_error(error)
    return RestoreBenchmarkSuccess(
        benchmark=changed.benchmark, outcome=changed.outcome, written_file=changed.file
    )


def _id(text: str) -> BenchmarkId:
    try:
        return BenchmarkId(check_id(text, "benchmark id"))
    except FormatError as error:
        raise InvalidInput("benchmarkId", error.message) from None


def _wrong_id(
    error: BenchmarkNotFound | InvalidInput, wanted: strawberry.ID
) -> BenchmarkNotFoundError | InvalidInputError:
    if isinstance(error, InvalidInput):
        return InvalidInputError.of(error.field, str(error))
    return BenchmarkNotFoundError(message=str(error), code=ErrorCode.BENCHMARK_NOT_FOUND, benchmark_id=wanted)


def _file_error(error: HeldByFile | FileNotWritten) -> BenchmarkFileError:
    is_held = isinstance(error, HeldByFile)
    code = ErrorCode.BENCHMARK_IN_FILE if is_held else ErrorCode.BENCHMARK_FILE_NOT_WRITTEN
    return BenchmarkFileError(message=str(error), code=code, file=error.file)
