"""What lies in the directories of session files and cannot be stored: conflicts and failures."""

from __future__ import annotations

import datetime as dt

import strawberry

from schema.contract.context import Info
from schema.contract.references import EXECUTION, nullable
from store import model
from store.executions import ingest_problems


@strawberry.type(
    description="A session file of an execution that had ended otherwise. Nothing of the execution changed."
)
class IngestConflict:
    of_execution: strawberry.Private[model.ExecutionId]
    file: str = strawberry.field(description="Its name.")
    content_hash: str = strawberry.field(description="The sha256 of its content, in hex.")
    reason: str = strawberry.field(description="Why it is not the execution's result.")
    seen_at: dt.datetime = strawberry.field(description="When it was first seen.")
    execution_id: strawberry.ID = strawberry.field(description="The execution that it names.")

    @classmethod
    def of(cls, conflict: ingest_problems.Conflict) -> IngestConflict:
        return cls(
            of_execution=conflict.execution_id,
            file=conflict.file,
            content_hash=conflict.content_hash,
            reason=conflict.reason,
            seen_at=conflict.seen_at,
            execution_id=strawberry.ID(str(conflict.execution_id)),
        )

    @strawberry.field(
        graphql_type=nullable(EXECUTION), description="The execution that it names, as it is stored."
    )
    async def execution(self, info: Info) -> model.Execution | None:
        return await info.context.loaders.execution.load(self.of_execution)


@strawberry.type(
    description="A file, or a line of a tool log, that cannot be used. It goes from the list when it becomes "
    "good, or is gone."
)
class IngestFailure:
    host: str = strawberry.field(description="The machine that it lies on.")
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
    def of(cls, failure: ingest_problems.IngestFailure) -> IngestFailure:
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
