"""Figures of each agent and settings over all of its benchmarks, summed up in PostgreSQL.

With thousands of benchmarks only a line per agent crosses over. The same figures as attempts.AttemptFigures makes
of the sums themselves; what needs each benchmark by itself, as pass@k does, is not among them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from store import sql
from store.figures.attempts import AttemptFigures, Sums
from store.figures.intervals import PRIOR, Estimate, Moments, estimate_of
from store.figures.reading import AttemptFilter, select_sums, settle
from store.model import UNKNOWN_AGENT
from store.postgres.database import Database
from store.records import record

SQL = sql.load("figures")


@record
class Total(AttemptFigures):
    """The figures in one row; `benchmarks`, which they are of, is empty."""

    row: Mapping[str, Any] | None = None

    def _of(self, column: str) -> Any:
        return None if self.row is None else self.row[column]

    @property
    def attempts(self) -> int:
        return int(self._of("attempts"))

    @property
    def solved(self) -> int:
        return int(self._of("solved"))

    @property
    def solving(self) -> Estimate | None:
        return self._estimate("solving")

    @property
    def scoring(self) -> Estimate | None:
        return self._estimate("scoring")

    def _estimate(self, kind: str) -> Estimate | None:
        if not self._of(f"{kind}_benchmarks"):
            return None
        return estimate_of(Moments(*(self._of(f"{kind}_{field}") for field in Moments._fields)))

    def _mean(self, of: Callable[[Sums], float | None]) -> float | None:
        raise NotImplementedError("Every benchmark by itself is in the sums only")

    @property
    def mean_time_ms(self) -> float | None:
        times: float | None = self._of("mean_times")
        return None if times is None else times / self._of("timed")

    @property
    def cost(self) -> float | None:
        return float(self._of("cost")) if self._priced else None

    @property
    def cost_per_solved(self) -> float | None:
        solved = self._of("priced_solved")
        return None if self.cost is None or not solved else self.cost / solved

    @property
    def _priced(self) -> int:
        return int(self._of("priced"))

    def tokens(self, kind: str) -> float | None:
        found: float | None = self._of(f"{kind}_tokens")
        return found


@record
class AgentTotal:
    """Of one agent with one settings hash.

    `model` and `agent_revision` are those of some of its executions; None is not known.
    """

    agent: str
    settings_hash: str | None
    model: str | None
    agent_revision: int | None
    figures: Total


async def totals(db: Database, filter: AttemptFilter) -> list[AgentTotal]:
    """One per agent and settings hash, in this order.

    An agent that no file names is none, unless it is asked for.
    """
    rows, values = select_sums(filter, ordered=False)
    await settle(db, filter)
    named = f"agent <> '{UNKNOWN_AGENT}'" if filter.agents is None else "true"
    return [
        AgentTotal(
            row["agent"], row["settings_hash"], row["model"], row["agent_revision"], Total((), row=row)
        )
        for row in await db.fetch(SQL["totals"].format(rows=rows, named=named, prior=PRIOR), *values)
    ]
