"""The progress of an execution, and processes that outlived it."""

import strawberry


@strawberry.type(description="The progress of an execution in steps of its flow; what is unknown is null.")
class ExecutionProgress:
    total: int | None = strawberry.field(
        name="stepsTotal",
        description="Steps of the benchmark's flow, 1 where it is none; null when the definition is not known.",
    )
    done: int | None = strawberry.field(
        name="stepsDone",
        description="Steps that have ended, with or without success; null while another runner works on a "
        "flow and has not reported it.",
    )
    fraction: float | None = strawberry.field(
        description="Done of total, from 0 to 1; null when either is unknown."
    )


@strawberry.type(
    description="A process of a runner that could not be ended: it outlived SIGKILL or escaped it."
)
class LeakedProcess:
    pid: int = strawberry.field(description="Its process id, on the worker's machine.")
    name: str = strawberry.field(description="The name of its program; empty when it could not be read.")
