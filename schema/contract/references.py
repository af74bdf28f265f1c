"""The types that refer to each other across rooms, by name: so no room imports one above it.

The value of a field of such a type is a row of store.model; the type reads from the row what it tells.
"""

from __future__ import annotations

from types import GenericAlias

from strawberry import LazyType

Reference = LazyType[str, str]

EXECUTION: Reference = LazyType("Execution", "schema.executions.execution")
BENCHMARK: Reference = LazyType("Benchmark", "schema.benchmarks.benchmark")
AGENT_REVISION: Reference = LazyType("AgentRevision", "schema.agents.agent")
CELL_FIGURES: Reference = LazyType("CellFigures", "schema.figures.cells")
BATCH: Reference = LazyType("Batch", "schema.batches.batch")


def nullable(reference: Reference) -> object:
    """The type of a field that is null where there is no such row."""
    return reference | None


def list_of(reference: Reference) -> object:
    """The type of a field that has any number of such rows."""
    return GenericAlias(list, reference)
