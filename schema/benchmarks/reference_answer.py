"""Whether a benchmark has an answer that solves it without a model."""

from typing import Self

import strawberry


@strawberry.type(
    description="Instructions that solve a benchmark, for the agent `deterministic` of our own runner. A "
    "benchmark without one can still be played by a model."
)
class ReferenceAnswer:
    exists: bool = strawberry.field(description="Whether there is one.")
    reason: str | None = strawberry.field(description="Why there is none.")

    @classmethod
    def of(cls, why_none: str | None) -> Self:
        return cls(exists=why_none is None, reason=why_none)
