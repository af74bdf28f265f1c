"""The workers that execute benchmarks, for operators."""

import datetime as dt

import strawberry


@strawberry.type(description="A worker: a process that starts runners and watches them.")
class Worker:
    id: strawberry.ID = strawberry.field(description="A UUID; another one at each start.")
    host: str = strawberry.field(description="The name of its machine.")
    process_id: int = strawberry.field(description="Its pid there.")
    version: str = strawberry.field(description="The version of its program.")
    sessions_dir: str = strawberry.field(
        name="sessionsDirectory", description="Where its runners write their files."
    )
    started_at: dt.datetime = strawberry.field(description="When it started.")
    heartbeat_at: dt.datetime = strawberry.field(description="When it last gave a sign of life.")
    is_fresh: bool = strawberry.field(
        description="Whether that was a moment ago. The executions of a silent worker are taken over by a "
        "worker that can see their runners, or ended."
    )
    capacity: int = strawberry.field(
        description="How many executions it runs at once at most; 0 while it finishes."
    )
    live_executions: int = strawberry.field(
        description="How many it has now; more than `capacity` where it took over another's."
    )
