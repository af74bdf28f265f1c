"""Transaction logs: a tree of program invocations per step, and the old server's texts of them."""

from __future__ import annotations

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
    row: strawberry.Private[transaction_logs.LogEntry]
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

    @classmethod
    def of(cls, entry: transaction_logs.LogEntry) -> LogEntry:
        return cls(
            row=entry,
            program_id=entry.program_id,
            program_name=entry.program_name,
            icon=entry.icon,
            level=entry.level,
            instruction=entry.instruction,
            messages=list(entry.messages),
            data=list(entry.data),
            return_data=entry.return_data,
            compute_units_consumed=entry.compute_units_consumed,
            compute_units_available=entry.compute_units_available,
            succeeded=entry.succeeded,
            error=entry.error,
        )

    @strawberry.field(description="The invocations it made.")
    def children(self) -> list[LogEntry]:
        return [LogEntry.of(child) for child in self.row.children]


@strawberry.type(description="The transaction log of one step.")
class StepLogs:
    row: strawberry.Private[transaction_logs.StepLogs]
    step: int = strawberry.field(description="The step, counted from 1.")
    lines: list[str] = strawberry.field(description="The lines as logged.")
    truncated: bool = strawberry.field(description="Whether the runtime cut the log.")
    error: str | None = strawberry.field(description="Why the transaction failed.")

    @strawberry.field(description="The outermost invocations, each with those it made below it.")
    def entries(self) -> list[LogEntry]:
        return [LogEntry.of(entry) for entry in self.row.entries]

    @strawberry.field(description="Every invocation in one list, in order; `level` says how deep it is.")
    def flat(self) -> list[LogEntry]:
        return [LogEntry.of(entry) for _, entry in transaction_logs.walk(self.row.entries)]


@strawberry.type(description="The transaction logs of an execution. Each form is made only when selected.")
class TransactionLogs:
    rows: strawberry.Private[Sequence[model.Step]]

    @strawberry.field(description="Parsed, step by step.")
    def steps(self) -> list[StepLogs]:
        return [
            StepLogs(
                row=logs, step=logs.step, lines=list(logs.lines), truncated=logs.truncated, error=logs.error
            )
            for logs in transaction_logs.step_logs(self.rows)
        ]

    @strawberry.field(description="The lines under `Step N:`.")
    def plain(self, show_compute_units: ShowComputeUnits = True) -> str:
        return transaction_texts.plain_text(self.rows, show_compute_units=show_compute_units)

    @strawberry.field(description="A tree of the lines, step by step.")
    def tree(self, show_compute_units: ShowComputeUnits = True) -> str:
        return transaction_texts.tree_text(self.rows, show_compute_units=show_compute_units)

    @strawberry.field(description="A tree of the programs, as the old server called `yaml` (it is none).")
    def yaml(self, show_compute_units: ShowComputeUnits = False) -> str:
        return transaction_texts.yaml_text(self.rows, show_compute_units=show_compute_units)
