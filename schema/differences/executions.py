"""Two executions side by side: their assertions, tool calls and steps paired, and each pair compared.

Each execution has addresses of its own for the same placeholders, so an address that its key map names counts as
that name: two transfers to RECIPIENT_WALLET_PUBKEY are equal whatever the wallet's address was that time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import zip_longest
from typing import TypeVar

from schema.differences.tree_diff import same
from store.model import JsonValue, Step, ToolCall
from store.records import record

MATCHED_ITEMS = 1_000
"""Beyond so many on a side items are paired in order only: matching takes quadratic time at worst."""

SHORTEST_ADDRESS = 32
"""Base58 of 32 bytes; what is shorter in a key map is no address and would be found inside other words."""

LARGEST_KEY_MAP = 10_000


_Map = Mapping[str, JsonValue]
N = TypeVar("N", int, float)


class Difference(StrEnum):
    """How the two sides of a pair compare."""

    SAME = "SAME"
    CHANGED = "CHANGED"
    ONLY_LEFT = "ONLY_LEFT"
    ONLY_RIGHT = "ONLY_RIGHT"


@record
class AssertionPair:
    """An assertion's outcome on either side, as it was stored."""

    difference: Difference
    left: _Map | None
    right: _Map | None


@record
class ToolCallPair:
    """A tool call on either side. The rest is None where one side has none."""

    difference: Difference
    left: ToolCall | None
    right: ToolCall | None
    params_equal: bool | None = None
    results_equal: bool | None = None
    duration_delta_ms: int | None = None


@record
class StepPair:
    """A step on either side. The rest is None where one side has none."""

    ordinal: int
    difference: Difference
    left: Step | None
    right: Step | None
    instructions_equal: bool | None = None
    observation_statuses_equal: bool | None = None


class Names:
    """The placeholders of one execution by the addresses that they had in it."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._names: dict[str, str] = {}
        for step in steps:
            observation = step.observation if isinstance(step.observation, dict) else {}
            self._learn(observation.get("key_map"))
        addresses = sorted(self._names, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, addresses))) if addresses else None

    def _learn(self, key_map: JsonValue) -> None:
        for name, address in key_map.items() if isinstance(key_map, dict) else ():
            if isinstance(address, str) and len(address) >= SHORTEST_ADDRESS:
                if len(self._names) < LARGEST_KEY_MAP:
                    self._names.setdefault(address, name)

    def named(self, value: JsonValue) -> JsonValue:
        """`value` with every known address replaced by its placeholder, keys included."""
        if self._pattern is None:
            return value
        match value:
            case str():
                return self._pattern.sub(lambda found: self._names[found[0]], value)
            case list():
                return [self.named(item) for item in value]
            case dict():
                return {self.named(key): self.named(item) for key, item in value.items()}
            case _:
                return value


def compare_assertions(left: JsonValue, right: JsonValue, *, same_definition: bool) -> list[AssertionPair]:
    """Paired by place when the definition is the same, otherwise by what they say and in order."""
    lefts, rights = _maps(left), _maps(right)
    if same_definition:
        pairs = list(zip_longest(lefts, rights))
    else:
        keys = [
            [f"{item.get('type')} {item.get('description')}" for item in side] for side in (lefts, rights)
        ]
        pairs = [(None if i is None else lefts[i], None if j is None else rights[j]) for i, j in align(*keys)]
    return [_assertion_pair(a, b) for a, b in pairs]


def _assertion_pair(left: _Map | None, right: _Map | None) -> AssertionPair:
    if left is None or right is None:
        return AssertionPair(_one_sided(left), left, right)
    is_same = left.get("outcome") == right.get("outcome")
    return AssertionPair(Difference.SAME if is_same else Difference.CHANGED, left, right)


def compare_tool_calls(
    left: Sequence[ToolCall], right: Sequence[ToolCall], names: tuple[Names, Names]
) -> list[ToolCallPair]:
    """Paired by name and in order; a call is the same when status, arguments, result and error are."""
    return [
        _tool_call_pair(None if i is None else left[i], None if j is None else right[j], names)
        for i, j in align([call.name for call in left], [call.name for call in right])
    ]


def _tool_call_pair(
    left: ToolCall | None, right: ToolCall | None, names: tuple[Names, Names]
) -> ToolCallPair:
    if left is None or right is None:
        return ToolCallPair(_one_sided(left), left, right)
    params = _same_named(left.params, right.params, names)
    results = _same_named(left.result, right.result, names)
    errors = _same_named(left.error_message, right.error_message, names)
    is_same = left.status is right.status and params and results and errors
    return ToolCallPair(
        Difference.SAME if is_same else Difference.CHANGED,
        left,
        right,
        params_equal=params,
        results_equal=results,
        duration_delta_ms=delta(left.duration_ms, right.duration_ms),
    )


def compare_steps(left: Sequence[Step], right: Sequence[Step], names: tuple[Names, Names]) -> list[StepPair]:
    """Paired by ordinal; a step is the same when its instructions and what they came to are."""
    return [
        _step_pair(ordinal, a, b, names) for ordinal, (a, b) in enumerate(zip_longest(left, right), start=1)
    ]


def _step_pair(ordinal: int, left: Step | None, right: Step | None, names: tuple[Names, Names]) -> StepPair:
    if left is None or right is None:
        return StepPair(ordinal, _one_sided(left), left, right)
    instructions = _same_named(left.action, right.action, names)
    statuses = observation_status(left) == observation_status(right)
    difference = Difference.SAME if instructions and statuses else Difference.CHANGED
    return StepPair(ordinal, difference, left, right, instructions, statuses)


def observation_status(step: Step) -> str | None:
    """The status of the step's last transaction, as the file spells it."""
    observation = step.observation if isinstance(step.observation, dict) else {}
    status = observation.get("last_transaction_status")
    return status if isinstance(status, str) else None


def align(left: Sequence[str], right: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """Pairs of indexes of equal items, in order, and between them what is on one side only."""
    pairs: list[tuple[int | None, int | None]] = []
    i = j = 0
    for block_i, block_j, size in _matching_blocks(left, right):
        pairs += [(n, None) for n in range(i, block_i)]
        pairs += [(None, n) for n in range(j, block_j)]
        pairs += [(block_i + n, block_j + n) for n in range(size)]
        i, j = block_i + size, block_j + size
    return pairs


def _matching_blocks(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    if max(len(left), len(right)) <= MATCHED_ITEMS:
        yield from SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks()
        return
    shorter = min(len(left), len(right))
    yield from ((n, n, 1) for n in range(shorter) if left[n] == right[n])
    yield len(left), len(right), 0


def delta(left: N | None, right: N | None) -> N | None:
    """Right minus left; None when either is unknown."""
    return None if left is None or right is None else right - left


def _same_named(left: JsonValue, right: JsonValue, names: tuple[Names, Names]) -> bool:
    return same(names[0].named(left), names[1].named(right))


def _one_sided(left: object) -> Difference:
    return Difference.ONLY_RIGHT if left is None else Difference.ONLY_LEFT


def _maps(value: JsonValue) -> list[_Map]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
