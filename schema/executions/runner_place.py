"""Where the runner of an execution was started."""

from typing import Self

import strawberry

from store import model


@strawberry.type(description="Where the runner of an execution was started, and how it is found there.")
class RunnerPlace:
    launcher: str = strawberry.field(
        description="What started it: `local` beside its worker, `ray` on a node of a Ray cluster."
    )
    node: str | None = strawberry.field(
        description="The host name of its node; null beside its worker, and until the cluster has placed it."
    )
    actor: str | None = strawberry.field(
        description="The name of its actor on the cluster; null beside its worker."
    )
    process_id: int | None = strawberry.field(
        description="Its process on the node; null beside its worker, and until it was started."
    )

    @classmethod
    def of(cls, execution: model.Execution) -> Self | None:
        """Of the columns `launcher` and `handle`."""
        if execution.launcher is None:
            return None
        handle = execution.handle or {}
        return cls(
            launcher=execution.launcher,
            node=handle.get("host"),
            actor=handle.get("actor"),
            process_id=handle.get("pid"),
        )
