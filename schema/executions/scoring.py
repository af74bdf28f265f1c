"""The score computed here with its breakdown, and the outcome of each assertion."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Self, TypeVar

import strawberry
from strawberry.scalars import JSON

from runner_bridge.formats.benchmarks.scoring import NOT_COMPUTABLE

UNKNOWN_FORM = "It is stored in a form that this version of the server does not know"

T = TypeVar("T")


class UnknownForm(Exception):
    """What is stored lacks what the type cannot be without: another version of the server wrote it."""


def _of_stored(kind: type[T], stored: object, **instead: object) -> T:
    """An object of `kind`, with `instead` for some of its fields; what is stored besides is left out.

    Raises UnknownForm.
    """
    if not isinstance(stored, Mapping):
        raise UnknownForm
    known = vars(kind)["__dataclass_fields__"]
    try:
        return kind(**{name: value for name, value in stored.items() if name in known} | instead)
    except TypeError:
        raise UnknownForm from None


def _items(stored: object, name: str) -> list[Any]:
    """Raises UnknownForm."""
    found = stored.get(name) if isinstance(stored, Mapping) else None
    if not isinstance(found, list):
        raise UnknownForm
    return found


@strawberry.enum(description="The outcome of an assertion.")
class AssertionOutcome(Enum):
    PASSED = strawberry.enum_value("PASSED", description="The final state is as demanded.")
    FAILED = strawberry.enum_value("FAILED", description="The final state differs.")
    NOT_EVALUABLE = strawberry.enum_value(
        "NOT_EVALUABLE", description="It cannot be evaluated on the result; `reason` says why."
    )


@strawberry.type(description="One final state assertion of the benchmark, evaluated on the result.")
class AssertionResult:
    index: int = strawberry.field(description="Its place in the ground truth, from 0.")
    type: str = strawberry.field(description="Its type, such as SolBalance.")
    description: str = strawberry.field(description="What it demands, in a line.")
    outcome: AssertionOutcome = strawberry.field(description="What became of it.")
    expected: JSON | None = strawberry.field(default=None, description="Its conditions as written.")
    actual: JSON | None = strawberry.field(
        default=None, description="The number observed; null when none was."
    )
    weight: float = strawberry.field(
        description="Its weight in the ground truth; it does not enter the score."
    )
    reason: str | None = strawberry.field(default=None, description="Why it did not pass.")

    @classmethod
    def of(cls, outcome: Mapping[str, Any], index: int) -> Self:
        """The assertion at `index`. One that is stored in an unknown form is not evaluable."""
        try:
            return _of_stored(cls, outcome, outcome=AssertionOutcome(outcome.get("outcome")))
        except (UnknownForm, ValueError):
            return cls(
                index=index,
                type="unknown",
                description="an assertion",
                outcome=AssertionOutcome.NOT_EVALUABLE,
                weight=0.0,
                reason=UNKNOWN_FORM,
            )


@strawberry.type(description="One comparison: a program id, the data, or an account of an instruction.")
class ScorePart:
    what: str = strawberry.field(description="What was compared: program_id, data or account.")
    index: int | None = strawberry.field(
        default=None, description="Which account, from 0; null for the others."
    )
    weight: float = strawberry.field(description="What it is worth.")
    matched: bool = strawberry.field(description="Whether it is as expected.")
    expected: JSON | None = strawberry.field(default=None, description="What the ground truth expects.")
    actual: JSON | None = strawberry.field(
        default=None, description="What the agent sent; null when the file has nothing there."
    )
    why: str | None = strawberry.field(default=None, description="Why it did not match.")


@strawberry.type(description="An expected instruction compared with the one the agent sent at its place.")
class InstructionScore:
    index: int = strawberry.field(description="Its place, from 0.")
    possible: float = strawberry.field(description="The sum of its weights.")
    achieved: float = strawberry.field(description="The weights of what matched.")
    parts: list[ScorePart] = strawberry.field(description="Comparison by comparison.")


@strawberry.type(
    description="The score computed here: 0.75 × instructions + 0.25 × on-chain success, upstream's rule."
)
class Scoring:
    version: int = strawberry.field(description="Of the rule; scores of different versions do not compare.")
    score: float = strawberry.field(description="From 0 to 1.")
    instruction_score: float = strawberry.field(description="The share of the instructions, from 0 to 1.")
    onchain_score: float = strawberry.field(description="1 when the last transaction succeeded, else 0.")
    possible: float = strawberry.field(description="The sum of all weights of the expected instructions.")
    achieved: float = strawberry.field(description="The weights of what matched.")
    passed: bool = strawberry.field(
        description="Upstream's verdict on this score: at least 0.75, or 0.6 for flows."
    )
    instructions_skipped: bool = strawberry.field(
        description="Whether the ground truth says not to compare instructions."
    )
    issues: list[str] = strawberry.field(description="What cost many points, in words.")
    details: list[str] = strawberry.field(description="What else is worth knowing, in words.")
    instructions: list[InstructionScore] = strawberry.field(description="Instruction by instruction.")

    @classmethod
    def of(cls, scoring: object) -> Self:
        """Raises UnknownForm."""
        instructions = [
            _of_stored(
                InstructionScore, item, parts=[_of_stored(ScorePart, part) for part in _items(item, "parts")]
            )
            for item in _items(scoring, "instructions")
        ]
        return _of_stored(cls, scoring, instructions=instructions)


def scoring_of(stored: object) -> tuple[Scoring | None, str | None]:
    """The score with its breakdown, or why there is none; neither where nothing is stored."""
    if stored is None:
        return None, None
    if isinstance(stored, Mapping) and NOT_COMPUTABLE in stored:
        return None, stored[NOT_COMPUTABLE]
    try:
        return Scoring.of(stored), None
    except UnknownForm:
        return None, UNKNOWN_FORM
