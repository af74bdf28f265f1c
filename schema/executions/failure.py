"""Why an execution failed."""

from typing import Self

import strawberry

from schema.contract.enums import FailureKind
from store import model


@strawberry.type(description="Why an execution failed.")
class Failure:
    kind: FailureKind = strawberry.field(description="The kind of failure, for programs.")
    message: str = strawberry.field(description="What happened, for a person.")
    exit_code: int | None = strawberry.field(
        description="The runner's exit code; null when a signal ended it."
    )
    exit_signal: str | None = strawberry.field(
        description="The signal that ended the runner, such as SIGKILL."
    )

    @classmethod
    def of(cls, row: model.Execution) -> Self | None:
        if row.failure is None:
            return None
        return cls(
            kind=row.failure.kind,
            message=row.failure.message,
            exit_code=row.exit_code,
            exit_signal=row.exit_signal,
        )
