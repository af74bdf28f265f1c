"""What the tests of faults do to a database: each operation that writes, ready to be done and done again."""

from __future__ import annotations

import datetime as dt
import uuid

from store import observed
from store.model import BenchmarkId, ExecutionId, Step
from store.observed import Observed
from tests.store.support import call, ending

OBSERVED_ID = ExecutionId(uuid.UUID(int=42))


def observation(execution_id: ExecutionId = OBSERVED_ID) -> Observed:
    """An execution of somebody else's, as its files tell it."""
    end = ending(
        session_file_hash="b" * 64,
        session={"x": 1},
        steps=(Step(1, "thought", [], {}, None),),
        tool_calls=(call(1),),
        score=1.0,
        success=True,
    )
    return observed.prepare(
        execution_id,
        end,
        session_id=None,
        benchmark_id=BenchmarkId("bench"),
        benchmark_revision=None,
        agent="deterministic",
        started_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        ended_at=None,
        file="session.json",
    )
