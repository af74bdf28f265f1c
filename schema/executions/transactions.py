"""Transaction logs: a tree of program invocations per step, and the old server's texts of them."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from schema.renderings import transaction_logs, transaction_texts
from store import model

ShowComputeUnits = Annotated[
    bool, strawberry.argument(description="Whether the compute units that programs consumed are shown.")
]


@strawberry.type(description="One invocation of a program.")
class LogEntry:
    program_id: str = strawberry.field(description="The program's address.")
    program_name: str = strawberry.field(description="Its name, or `Program` and the first 8 characters.")
    icon: str = strawberry.field(description="The icon that the texts show for it.")
    level: int = strawberry.field(description="How deep it was invoked, from 1.")
    instruction: str | None = strawberry.field(description="The instruction it said it executes.")
    messages: list[str] = strawberry.field(description="What it logged, in order.")
    data: list[str] = strawberry.field(description="Its `Program data:` lines.")
    return_data: str | None = strawberry.field(description="What it returned, in base64.")
    compute_units_consumed: int | None = strawberry.field(description="Compute units it consumed.")
    compute_units_available: int | None = strawberry.field(description="Compute units it had.")
    succeeded: bool | None = strawberry.field(description="How it ended; null when the log does not say.")
    error: str | None = strawberry.field(description="Why it failed.")
    children: list["LogEntry"] = strawberry.field(description="The invocations it made.")


@strawberry.type(description="The transaction log of one step.")
class StepLogs:
    step: int = strawberry.field(description="The step, counted from 1.")
    lines: list[str] = strawberry.field(description="The lines as logged.")
    truncated: bool = strawberry.field(description="Whether the runtime cut the log.")
    error: str | None = strawberry.field(description="Why the transaction failed.")
    entries: list[LogEntry] = strawberry.field(
        description="The outermost invocations, each with those it made below it."
    )

    @strawberry.field(
        graphql_type=list[LogEntry],
        description="Every invocation in one list, in order; `level` says how deep it is.",
    )
    @staticmethod
    def flat(logs: strawberry.Parent[transaction_logs.StepLogs]) -> list[transaction_logs.LogEntry]:
        return [entry for _, entry in transaction_logs.walk(logs.entries)]


@strawberry.type(description="The transaction logs of an execution. Each form is made only when selected.")
class TransactionLogs:
    rows: strawberry.Private[Sequence[model.Step]]

    @strawberry.field(graphql_type=list[StepLogs], description="Parsed, step by step.")
    def steps(self) -> Sequence[transaction_logs.StepLogs]:
        return transaction_logs.step_logs(self.rows)

    @strawberry.field(description="The lines under `Step N:`.")
    def plain(self, show_compute_units: ShowComputeUnits = True) -> str:
        return transaction_texts.plain_text(self.rows, show_compute_units=show_compute_units)

    @strawberry.field(description="A tree of the lines, step by step.")
    def tree(self, show_compute_units: ShowComputeUnits = True) -> str:
        return transaction_texts.tree_text(self.rows, show_compute_units=show_compute_units)

    @strawberry.field(description="A tree of the programs, as the old server called `yaml` (it is none).")
    def yaml(self, show_compute_units: ShowComputeUnits = False) -> str:
        return transaction_texts.yaml_text(self.rows, show_compute_units=show_compute_units)
