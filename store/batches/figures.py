"""The figures of batches: read from rows, or added up from executions as they end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from store import sql
from store.model import BatchId, Execution
from store.postgres.database import Database
from store.records import record

SQL = sql.load("batches")


@record
class BatchFigures:
    """Of the executions of a batch that have ended, those that say something about their agents.

    Tokens and cost are sums over those of which they are known; None where they are of none.
    """

    attempts: int = 0
    solved: int = 0
    mean_computed_score: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None

    @property
    def solve_rate(self) -> float | None:
        return self.solved / self.attempts if self.attempts else None


async def figures_of(db: Database, ids: Sequence[BatchId]) -> dict[BatchId, BatchFigures]:
    """The figures of each batch so far; batches without attempts are absent."""
    return {
        BatchId(row["batch_id"]): BatchFigures(
            **{field.name: row[field.name] for field in fields(BatchFigures)}
        )
        for row in await db.fetch(SQL["figures"], ids)
    }


class FiguresSum:
    """Adds up what `figures_of` reads, for each execution that has ended once."""

    def __init__(self) -> None:
        self._attempts = self._solved = self._scored = 0
        self._score_sum = 0.0
        self._sums: dict[str, Any] = {}
        """Of what is known of one at least."""

    def take(self, execution: Execution) -> None:
        """An execution that has ended."""
        names = ("is_attempt", "solved", "computed_score", "cost")
        usage = execution.usage or {}
        self.take_row({**usage, **{name: getattr(execution, name) for name in names}})

    def take_row(self, row: Mapping[str, Any]) -> None:
        """The same as columns; nothing where it has not ended, or is no attempt."""
        if not row["is_attempt"]:
            return
        self._attempts += 1
        self._solved += bool(row["solved"])
        if row["computed_score"] is not None:
            self._scored += 1
            self._score_sum += row["computed_score"]
        for name in ("input_tokens", "output_tokens", "cost"):
            if (value := row.get(name)) is not None:
                self._sums[name] = self._sums.get(name, 0) + value

    @property
    def figures(self) -> BatchFigures:
        mean = self._score_sum / self._scored if self._scored else None
        return BatchFigures(self._attempts, self._solved, mean, **self._sums)
