"""The figures of a cell: of one agent with some settings at one revision of one benchmark."""

import strawberry

from schema.figures.attempts import AttemptFigures as Figures
from store.figures.attempts import AttemptFigures
from store.figures.reading import By, FilteredSums

Row = strawberry.Parent[FilteredSums]


@strawberry.type(
    description="What the attempts of one agent with some settings say at one benchmark revision."
)
class CellFigures:
    @strawberry.field(description="The agent.")
    @staticmethod
    def agent(row: Row) -> str:
        return row.of.agent

    @strawberry.field(
        description="Of the settings its model was asked with; null without a model, or where nothing is known."
    )
    @staticmethod
    def settings_hash(row: Row) -> str | None:
        return row.of.settings_hash

    @strawberry.field(description="The benchmark.")
    @staticmethod
    def benchmark_id(row: Row) -> strawberry.ID:
        return strawberry.ID(row.of.sums.benchmark_id)

    @strawberry.field(description="Its revision; null where it is not known here.")
    @staticmethod
    def revision(row: Row) -> int | None:
        return row.of.sums.benchmark_revision

    @strawberry.field(description="The figures.")
    @staticmethod
    def figures(row: Row) -> Figures:
        sums = row.of.sums
        group = (row.of.agent, row.of.settings_hash, *sums.benchmark)
        return Figures.of(AttemptFigures([sums]), row.filter, By.AGENT_AND_BENCHMARK, group)
