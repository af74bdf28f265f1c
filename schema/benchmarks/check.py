"""What storing a definition would do, without storing it: for editors that check while typing."""

import asyncio
from typing import Annotated

import strawberry

from runner_bridge.benchmarks import editing
from runner_bridge.benchmarks.sync import parse_source
from runner_bridge.formats.benchmarks.reference_answer import why_no_reference_answer
from runner_bridge.formats.benchmarks.runnable import why_not_runnable
from runner_bridge.formats.errors import FormatError
from schema.benchmarks.mutations import InvalidBenchmarkError
from schema.benchmarks.reference_answer import ReferenceAnswer
from schema.benchmarks.remarks import Remark
from schema.contract.context import Info
from schema.contract.enums import SyncOutcome


@strawberry.type(description="The text is a benchmark definition. Nothing was written.")
class CheckBenchmarkSuccess:
    benchmark_id: strawberry.ID = strawberry.field(description="The benchmark that it defines.")
    outcome: SyncOutcome = strawberry.field(
        description="What `upsertBenchmark` would do with it now: CREATED, UPDATED or UNCHANGED."
    )
    revision: int | None = strawberry.field(
        description="The revision that is stored now, for `baseRevision`; null when the benchmark is new."
    )
    file: str = strawberry.field(
        description="The file of the benchmarks directory that `writeFile` would write; a new one for a benchmark "
        "without."
    )
    is_in_file: bool = strawberry.field(
        description="Whether the benchmark came from that file, so that a sync takes its content from there."
    )
    why_not_stored: str | None = strawberry.field(
        description="Why storing it without `writeFile` would be refused; null when it would not."
    )
    why_not_written: str | None = strawberry.field(
        description="Why storing it with `writeFile` would be refused; null when it would not."
    )
    remarks: list[Remark] = strawberry.field(description="What of it cannot be evaluated here.")
    why_not_runnable_locally: str | None = strawberry.field(
        description="Why our own runner cannot build it; null when it can."
    )
    reference_answer: ReferenceAnswer = strawberry.field(
        description="Whether it has a reference answer, which needs no model."
    )


CheckBenchmarkResult = Annotated[
    CheckBenchmarkSuccess | InvalidBenchmarkError,
    strawberry.union("CheckBenchmarkResult", description="What the text is, or what is wrong with it."),
]


async def check_benchmark(
    info: Info, source: Annotated[str, strawberry.argument(description="The YAML text.")]
) -> CheckBenchmarkResult:
    try:
        definition = await asyncio.to_thread(parse_source, source)
    except FormatError as error:
        return InvalidBenchmarkError.of(error)
    prospect = await editing.prospect(info.context.db, info.context.runner.benchmark_files, definition)
    return CheckBenchmarkSuccess(
        benchmark_id=strawberry.ID(definition.id),
        outcome=prospect.outcome,
        revision=prospect.revision,
        file=prospect.file,
        is_in_file=prospect.is_in_file,
        why_not_stored=prospect.why_not_stored,
        why_not_written=prospect.why_not_written,
        remarks=[Remark(path=remark.path, message=remark.message) for remark in definition.remarks],
        why_not_runnable_locally=why_not_runnable(definition),
        reference_answer=ReferenceAnswer.of(why_no_reference_answer(definition)),
    )
