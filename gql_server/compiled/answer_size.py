"""Measures an answer before it is encoded: the text in it makes the largest answers.

Numbers and short texts are few, because what an operation costs is bounded; only long texts are counted.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from graphql import ExecutionResult, GraphQLError

from schema.contract.selection import ReadyJson

LONG = 4096
"""Characters from which on a text is counted in the code that is written for a document."""

Result = ExecutionResult | Awaitable[ExecutionResult]


class AnswerTooLarge(GraphQLError):
    """The operation was executed, and its answer is larger than this server sends."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The answer is larger than {limit} bytes: ask for fewer fields or smaller pages",
            extensions={"code": "ANSWER_TOO_LARGE"},
        )


def text_in(value: Any) -> int:
    """The characters of all texts in a value of an answer, those of keys left out."""
    count, waiting = 0, [value]
    while waiting:
        value = waiting.pop()
        match value:
            case str():
                count += len(value)
            case ReadyJson(text):
                count += len(text)
            case dict():
                waiting += value.values()
            case list():
                waiting += value
    return count


def bounded(result: Result, limit: int) -> Result:
    """`result`, or an error that it is too large."""
    return _bounded(result, limit) if isinstance(result, ExecutionResult) else _bounded_later(result, limit)


def _bounded(result: ExecutionResult, limit: int) -> ExecutionResult:
    return ExecutionResult(None, [AnswerTooLarge(limit)]) if text_in(result.data) > limit else result


async def _bounded_later(coming: Awaitable[ExecutionResult], limit: int) -> ExecutionResult:
    return _bounded(await coming, limit)
