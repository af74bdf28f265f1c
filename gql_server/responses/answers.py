"""Answers as every transport sends them: plain dictionaries in the shape of the specification, errors masked."""

from __future__ import annotations

from typing import Any

from graphql import ExecutionResult, GraphQLError

from gql_server.compiled.answer_size import AnswerTooLarge
from gql_server.responses.encoding import encode
from gql_server.responses.errors import Refused
from gql_server.responses.masking import masked

Answer = dict[str, Any]


def answer_of(result: ExecutionResult) -> Answer:
    """The answer for `result`: `errors` first, and only when there are some."""
    if not result.errors:
        return {"data": result.data}
    return {"errors": [masked(error).formatted for error in result.errors], "data": result.data}


def encoded(answer: Answer, largest: int) -> bytes:
    """As JSON; an error when that is larger than `largest` bytes."""
    payload = encode(answer)
    if len(payload) <= largest:
        return payload
    return encode(answer_of(ExecutionResult(None, [AnswerTooLarge(largest)])))


def refusal_of(refused: Refused) -> Answer:
    """The answer for a request error, without `data`."""
    return {"errors": [error.formatted for error in refused.errors]}


def refused_for(error: Exception) -> Refused:
    """The refusal that an exception of a subscription's source becomes, raised on purpose or by fault."""
    located = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
    return Refused(located)
