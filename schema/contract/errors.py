"""Failures, in two kinds.

An expected failure of a mutation is data: a member of its result union that implements `Error`. A request
that cannot be answered at all (a bad cursor, a page too large, no database) is a RequestError in the
top-level `errors`, with `extensions.code`. Everything else is our fault, and is masked by the front door.
"""

from enum import Enum
from typing import Self

import strawberry
from graphql import GraphQLError

from store.errors import (
    DatabaseBusy,
    DatabaseUnavailable,
    DatabaseUnsuitable,
    InvalidCursor,
    StoreError,
)


@strawberry.enum(description="What kind of failure an `Error` is, for programs.")
class ErrorCode(Enum):
    INVALID_INPUT = strawberry.enum_value(
        "INVALID_INPUT", description="A value of the input cannot be used; the message says what would be."
    )
    INVALID_BENCHMARK = strawberry.enum_value(
        "INVALID_BENCHMARK", description="The text is not a benchmark definition; line and column say where."
    )
    BENCHMARK_NOT_FOUND = strawberry.enum_value(
        "BENCHMARK_NOT_FOUND", description="No benchmark has this id, or it is archived."
    )
    AGENT_NOT_FOUND = strawberry.enum_value(
        "AGENT_NOT_FOUND", description="No agent of this name is configured."
    )
    EXECUTION_NOT_FOUND = strawberry.enum_value(
        "EXECUTION_NOT_FOUND", description="No execution has this id."
    )
    EXECUTION_ALREADY_ENDED = strawberry.enum_value(
        "EXECUTION_ALREADY_ENDED", description="The execution had ended before; nothing was changed."
    )
    EXECUTION_NOT_OURS = strawberry.enum_value(
        "EXECUTION_NOT_OURS",
        description="The execution is observed: its runner was started elsewhere and cannot be stopped here.",
    )
    BATCH_NOT_FOUND = strawberry.enum_value("BATCH_NOT_FOUND", description="No batch has this id.")
    NOTHING_TO_RERUN = strawberry.enum_value(
        "NOTHING_TO_RERUN", description="No execution of the batch that has ended is one of those to repeat."
    )
    IDEMPOTENCY_CONFLICT = strawberry.enum_value(
        "IDEMPOTENCY_CONFLICT", description="The idempotency key was used before, with other input."
    )
    IMPORT_DIRECTORY = strawberry.enum_value(
        "IMPORT_DIRECTORY", description="The directory may not be imported from, or cannot be read."
    )
    IMPORT_UNDER_WAY = strawberry.enum_value(
        "IMPORT_UNDER_WAY", description="Another import of a reev database is carried out by the server."
    )
    AGENT_CONFIG_NOT_FOUND = strawberry.enum_value(
        "AGENT_CONFIG_NOT_FOUND", description="Nothing is saved for this agent."
    )
    WEBHOOK_NOT_FOUND = strawberry.enum_value("WEBHOOK_NOT_FOUND", description="No webhook has this id.")
    SECRET_KEY = strawberry.enum_value(
        "SECRET_KEY", description="The server's secret key is missing, cannot be read, or is another one."
    )
    BENCHMARK_IN_FILE = strawberry.enum_value(
        "BENCHMARK_IN_FILE",
        description="The benchmark's file says otherwise, and the next sync would undo the change.",
    )
    BENCHMARK_FILE_NOT_WRITTEN = strawberry.enum_value(
        "BENCHMARK_FILE_NOT_WRITTEN",
        description="The benchmark's file may not or cannot be written, or holds something unknown.",
    )
    BENCHMARK_CHANGED = strawberry.enum_value(
        "BENCHMARK_CHANGED", description="The benchmark has another revision than the change is based on."
    )
    BENCHMARKS_DIRECTORY = strawberry.enum_value(
        "BENCHMARKS_DIRECTORY", description="The benchmarks directory cannot be read; nothing was changed."
    )


@strawberry.interface(description="An expected failure. Nothing was written.")
class Error:
    message: str = strawberry.field(description="One sentence for a person, with what to do next.")
    code: ErrorCode = strawberry.field(description="The kind of failure, for programs.")


@strawberry.type(description="A value of the input cannot be used.")
class InvalidInputError(Error):
    field: str = strawberry.field(description="The input field that was refused.")

    @classmethod
    def of(cls, field: str, message: str) -> Self:
        return cls(message=message, code=ErrorCode.INVALID_INPUT, field=field)


class RequestError(GraphQLError):
    """A request that cannot be answered. Its message and `extensions.code` are for the client to read."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, extensions={"code": code})


def public_error(error: BaseException | None) -> RequestError | None:
    """`error` as the client may see it, None when it must be masked."""
    match error:
        case RequestError():
            return error
        case InvalidCursor():
            return RequestError("INVALID_CURSOR", str(error))
        case DatabaseBusy():
            return RequestError("SERVER_BUSY", str(error))
        case DatabaseUnsuitable():
            return RequestError(
                "DATABASE_UNAVAILABLE", f"Nothing was written, because {error.brief}; try again later"
            )
        case DatabaseUnavailable():
            return RequestError("DATABASE_UNAVAILABLE", "The database cannot be reached; try again shortly")
        case StoreError() | None | _:
            return None
