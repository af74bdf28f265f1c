"""The workers that execute benchmarks, for operators."""

from __future__ import annotations

import datetime as dt

import strawberry

from store.workers import workers


@strawberry.type(description="A worker: a process that starts runners and watches them.")
class Worker:
    id: strawberry.ID = strawberry.field(description="A UUID; another one at each start.")
    host: str = strawberry.field(description="The name of its machine.")
    process_id: int = strawberry.field(description="Its pid there.")
    version: str = strawberry.field(description="The version of its program.")
    sessions_directory: str = strawberry.field(description="Where its runners write their files.")
    started_at: dt.datetime = strawberry.field(description="When it started.")
    heartbeat_at: dt.datetime = strawberry.field(description="When it last gave a sign of life.")
    is_fresh: bool = strawberry.field(
        description="Whether that was a moment ago. The executions of a silent worker are taken over by a "
        "worker that can see their runners, or ended."
    )
    capacity: int = strawberry.field(description="How many executions it runs at once at most.")
    live_executions: int = strawberry.field(
        description="How many it has now; more than `capacity` where it took over another's."
    )

    @classmethod
    def of(cls, worker: workers.Worker) -> Worker:
        return cls(
            id=strawberry.ID(str(worker.id)),
            host=worker.host,
            process_id=worker.process_id,
            version=worker.version,
            sessions_directory=worker.sessions_dir,
            started_at=worker.started_at,
            heartbeat_at=worker.heartbeat_at,
            is_fresh=worker.is_fresh,
            capacity=worker.capacity,
            live_executions=worker.live_executions,
        )
