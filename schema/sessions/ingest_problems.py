"""Session files and tool logs that cannot be stored: conflicts and failures."""

import datetime as dt
from typing import Self

import strawberry

from schema.contract.context import Info
from schema.contract.references import EXECUTION, nullable
from store import model
from store.executions import ingest_problems


@strawberry.type(
    description="A session file of an execution that had ended otherwise. Nothing of the execution changed."
)
class IngestConflict:
    file: str = strawberry.field(description="Its name.")
    content_hash: str = strawberry.field(description="The sha256 of its content, in hex.")
    reason: str = strawberry.field(description="Why it is not the execution's result.")
    seen_at: dt.datetime = strawberry.field(description="When it was first seen.")
    execution_id: strawberry.ID = strawberry.field(description="The execution that it names.")

    @strawberry.field(
        graphql_type=nullable(EXECUTION), description="The execution that it names, as it is stored."
    )
    @staticmethod
    async def execution(
        conflict: strawberry.Parent[ingest_problems.Conflict], info: Info
    ) -> model.Execution | None:
        return await info.context.loaders.execution.load(conflict.execution_id)


@strawberry.type(
    description="A file, or a line of a tool log, that cannot be used. It leaves the list when it becomes "
    "valid or is removed."
)
class IngestFailure:
    host: str = strawberry.field(description="The machine that has the file.")
    directory: str = strawberry.field(description="Its directory there.")
    file: str = strawberry.field(description="Its name.")
    line: int | None = strawberry.field(
        description="The line of a tool log, counted from 1; null for a whole file."
    )
    reason: str = strawberry.field(description="What is wrong with it.")
    offset: int | None = strawberry.field(description="Where, in bytes from 0; null when that is nowhere.")
    content_hash: str | None = strawberry.field(
        description="The sha256 of its content, in hex; null when it cannot be read at all."
    )
    seen_at: dt.datetime = strawberry.field(description="When it was first seen as it is.")

    @classmethod
    def of(cls, failure: ingest_problems.IngestFailure) -> Self:
        return cls(
            host=failure.place.host,
            directory=failure.place.directory,
            file=failure.file,
            line=failure.line,
            reason=failure.reason,
            offset=failure.byte_offset,
            content_hash=failure.content_hash,
            seen_at=failure.seen_at,
        )
