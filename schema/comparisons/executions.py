"""Two executions side by side: loads them, and describes what schema.differences finds."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Self

import strawberry

from schema.benchmarks.revisions import BenchmarkDiff, diff_of
from schema.contract.context import Info
from schema.contract.enums import Difference
from schema.contract.ids import execution_id_argument
from schema.contract.references import EXECUTION
from schema.differences import executions as differences
from schema.differences.executions import Names, delta, observation_status
from schema.executions.scoring import AssertionResult
from schema.executions.steps import Step
from schema.executions.tool_calls import ToolCall
from store import model


@strawberry.type(description="An assertion's outcome on either side.")
class AssertionComparison:
    difference: Difference = strawberry.field(description="Whether the outcome is the same.")
    left: AssertionResult | None = strawberry.field(description="Its outcome on the left; null without one.")
    right: AssertionResult | None = strawberry.field(description="Its outcome on the right.")

    @classmethod
    def of(cls, pair: differences.AssertionPair, index: int) -> Self:
        return cls(
            difference=pair.difference,
            left=None if pair.left is None else AssertionResult.of(pair.left, index),
            right=None if pair.right is None else AssertionResult.of(pair.right, index),
        )


@strawberry.type(
    description="A tool call on either side, paired by name and in order. Addresses count as the placeholders "
    "that they stood for."
)
class ToolCallComparison:
    difference: Difference = strawberry.field(
        description="SAME when status, arguments, result and error are; times may differ."
    )
    left: ToolCall | None = strawberry.field(description="The call on the left; null without one.")
    right: ToolCall | None = strawberry.field(description="The call on the right; null without one.")
    params_equal: bool | None = strawberry.field(
        description="Whether the arguments are equal; null when one side has no such call."
    )
    results_equal: bool | None = strawberry.field(
        description="Whether the results are equal; null when one side has no such call."
    )
    duration_delta_ms: int | None = strawberry.field(
        description="Right minus left in milliseconds; null when either is unknown."
    )


@strawberry.type(
    description="A step on either side, paired by its number. Addresses count as the placeholders that they "
    "stood for."
)
class StepComparison:
    ordinal: int = strawberry.field(description="Counted from 1.")
    difference: Difference = strawberry.field(
        description="SAME when the instructions and the status of the observation are."
    )
    left: Step | None = strawberry.field(description="The step on the left; null without one.")
    right: Step | None = strawberry.field(description="The step on the right; null without one.")
    instructions_equal: bool | None = strawberry.field(
        description="Whether the agent sent the same; null when one side has no such step."
    )

    @strawberry.field(description="What became of the left transaction, as the file spells it.")
    @staticmethod
    def left_observation_status(pair: strawberry.Parent[differences.StepPair]) -> str | None:
        return None if pair.left is None else observation_status(pair.left)

    @strawberry.field(description="What became of the right transaction, as the file spells it.")
    @staticmethod
    def right_observation_status(pair: strawberry.Parent[differences.StepPair]) -> str | None:
        return None if pair.right is None else observation_status(pair.right)


_Sides = tuple[model.Benchmark | None, model.Benchmark | None]


@strawberry.type(description="Two executions side by side. Deltas are right minus left.")
class ExecutionComparison:
    left: model.Execution = strawberry.field(graphql_type=EXECUTION, description="The one on the left.")
    right: model.Execution = strawberry.field(graphql_type=EXECUTION, description="The one on the right.")
    same_benchmark: bool = strawberry.field(description="Whether both are executions of the same benchmark.")
    same_agent: bool = strawberry.field(description="Whether the same agent acted.")
    status_changed: bool = strawberry.field(description="Whether their states differ.")
    success_changed: bool | None = strawberry.field(
        description="Whether their success differs; null when either is unknown."
    )
    solved_changed: bool | None = strawberry.field(
        description="Whether only one of them was solved; null when either is unknown."
    )
    score_delta: float | None = strawberry.field(
        description="Of the reported scores; null when either is unknown."
    )
    computed_score_delta: float | None = strawberry.field(
        description="Of the scores computed here; null when either is unknown."
    )
    execution_time_delta_ms: float | None = strawberry.field(
        description="In milliseconds; null when either is unknown."
    )

    @classmethod
    def of(cls, left: model.Execution, right: model.Execution) -> Self:
        return cls(
            left=left,
            right=right,
            same_benchmark=left.benchmark_id == right.benchmark_id,
            same_agent=left.agent == right.agent,
            status_changed=left.status is not right.status,
            success_changed=_changed(left.success, right.success),
            solved_changed=_changed(left.solved, right.solved),
            score_delta=delta(left.score, right.score),
            computed_score_delta=delta(left.computed_score, right.computed_score),
            execution_time_delta_ms=delta(left.execution_time_ms, right.execution_time_ms),
        )

    async def _benchmarks(self, info: Info) -> _Sides:
        async def of(row: model.Execution) -> model.Benchmark | None:
            if row.benchmark_revision is None:
                return None
            key = (row.benchmark_id, row.benchmark_revision)
            return await info.context.loaders.benchmark_revision.load(key)

        left, right = await asyncio.gather(of(self.left), of(self.right))
        return left, right

    @strawberry.field(
        description="Whether they executed different definitions, by content; null when one is not known. "
        "Then scores and assertions do not measure the same."
    )
    async def definitions_differ(self, info: Info) -> bool | None:
        return _differ(await self._benchmarks(info))

    @strawberry.field(
        description="What differs between their definitions; null for different benchmarks, and when one is "
        "not known."
    )
    async def definition_diff(self, info: Info) -> BenchmarkDiff | None:
        left, right = self.left, self.right
        if not self.same_benchmark or left.benchmark_revision is None or right.benchmark_revision is None:
            return None
        return await diff_of(info, left.benchmark_id, left.benchmark_revision, right.benchmark_revision)

    @strawberry.field(description="What to bear in mind, in sentences; empty when they compare without more.")
    async def notes(self, info: Info) -> list[str]:
        ids = [self.left.id, self.right.id]
        sides, pruned = await asyncio.gather(
            self._benchmarks(info), info.context.loaders.pruned.load_many(ids)
        )
        notes = _notes(self.left, self.right, sides)
        for side, row in zip(("left", "right"), pruned, strict=True):
            if row is not None:
                notes.append(f"Retention has deleted the steps and tool calls of the {side} one.")
        return notes

    @strawberry.field(
        description="The final state assertions: paired by their place, or by what they say when the "
        "definitions differ. Empty where neither has been evaluated."
    )
    async def assertions(self, info: Info) -> list[AssertionComparison]:
        same_definition = _differ(await self._benchmarks(info)) is False
        left, right = self.left.assertions, self.right.assertions
        pairs = differences.compare_assertions(left, right, same_definition=same_definition)
        return [AssertionComparison.of(pair, index) for index, pair in enumerate(pairs)]

    @strawberry.field(graphql_type=list[ToolCallComparison], description="The tool calls, in order.")
    async def tool_calls(self, info: Info) -> Sequence[differences.ToolCallPair]:
        ids = [self.left.id, self.right.id]
        (left, right), steps = await asyncio.gather(
            info.context.loaders.tool_calls.load_many(ids), info.context.loaders.steps.load_many(ids)
        )
        return await asyncio.to_thread(
            lambda: differences.compare_tool_calls(left, right, (Names(steps[0]), Names(steps[1])))
        )

    @strawberry.field(graphql_type=list[StepComparison], description="The steps of the results, in order.")
    async def steps(self, info: Info) -> Sequence[differences.StepPair]:
        left, right = await info.context.loaders.steps.load_many([self.left.id, self.right.id])
        return await asyncio.to_thread(
            lambda: differences.compare_steps(left, right, (Names(left), Names(right)))
        )


def _changed(left: bool | None, right: bool | None) -> bool | None:
    return None if left is None or right is None else left is not right


def _differ(sides: _Sides) -> bool | None:
    left, right = sides
    return None if left is None or right is None else left.content_hash != right.content_hash


def _notes(left: model.Execution, right: model.Execution, sides: _Sides) -> list[str]:
    notes = []
    if left.benchmark_id != right.benchmark_id:
        notes.append(f"They are of different benchmarks: {left.benchmark_id} and {right.benchmark_id}.")
    elif _differ(sides):
        revisions = f"revision {left.benchmark_revision} and revision {right.benchmark_revision}"
        notes.append(f"The definition was changed in between: {revisions} do not measure the same.")
    for side, row, benchmark in (("left", left, sides[0]), ("right", right, sides[1])):
        if benchmark is None:
            notes.append(f"The definition that the {side} one executed is not known.")
        if not row.status.is_terminal:
            notes.append(f"The {side} one has not ended yet.")
    return notes


async def compare_executions(
    info: Info,
    left: Annotated[strawberry.ID, strawberry.argument(description="UUID of the one on the left.")],
    right: Annotated[strawberry.ID, strawberry.argument(description="UUID of the one on the right.")],
) -> ExecutionComparison | None:
    ids = [execution_id_argument(left), execution_id_argument(right)]
    found = await info.context.loaders.execution.load_many(ids)
    if found[0] is None or found[1] is None:
        return None
    return ExecutionComparison.of(found[0], found[1])
