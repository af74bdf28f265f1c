"""What storing a definition would do, without storing it: for editors that check while typing."""

from __future__ import annotations

import asyncio
from typing import Annotated

import strawberry

from runner_bridge.benchmarks.sync import parse_source
from runner_bridge.formats.benchmarks.benchmark import Benchmark
from runner_bridge.formats.benchmarks.reference_answer import why_no_reference_answer
from runner_bridge.formats.benchmarks.runnable import why_not_runnable
from runner_bridge.formats.errors import FormatError
from schema.benchmarks.mutations import InvalidBenchmarkError
from schema.benchmarks.reference_answer import ReferenceAnswer
from schema.benchmarks.remarks import Remark
from schema.contract.context import Info
from schema.contract.enums import SyncOutcome
from store.benchmarks import benchmarks
from store.model import BenchmarkId


@strawberry.type(description="The text is a benchmark definition. Nothing was written.")
class CheckBenchmarkSuccess:
    benchmark_id: strawberry.ID = strawberry.field(description="The benchmark that it defines.")
    outcome: SyncOutcome = strawberry.field(
        description="What `upsertBenchmark` would do with it now: CREATED, UPDATED or UNCHANGED."
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
    return CheckBenchmarkSuccess(
        benchmark_id=strawberry.ID(definition.id),
        outcome=await _outcome(info, definition),
        remarks=[Remark(path=remark.path, message=remark.message) for remark in definition.remarks],
        why_not_runnable_locally=why_not_runnable(definition),
        reference_answer=ReferenceAnswer.of(why_no_reference_answer(definition)),
    )


async def _outcome(info: Info, definition: Benchmark) -> SyncOutcome:
    stored = await benchmarks.get(info.context.db, BenchmarkId(definition.id))
    if stored is None:
        return SyncOutcome.CREATED
    is_same = stored.content_hash == definition.content_hash and stored.archived_at is None
    return SyncOutcome.UNCHANGED if is_same else SyncOutcome.UPDATED
