"""Random sequences of operations on executions, with real PostgreSQL and a dictionary as the model.

Any step may meet a fault: the n-th call to the database fails in one of three ways, and the step is repeated,
as an interrupted caller would do. For more sequences than the suite has time for:

    REEV_GQL_TEST_STORIES=500 pytest tests/adversity/test_lifecycle_machine.py
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule, run_state_machine_as_test

from store.errors import DatabaseUnavailable, IdempotencyConflict
from store.executions import output, state_machine
from store.executions.state_machine import ProcessIdentity, StopOutcome
from store.model import EventKind, ExecutionId, ExecutionStatus, ToolCallStatus, WorkerId
from store.postgres.database import Database
from tests.helpers.failing import Fault, Plan, failing_database
from tests.helpers.invariants import InvariantContext, violations_in_database
from tests.helpers.stored_rows import call, ending, queued
from tests.helpers.workers import claim_as, id_of, registered

STORIES = int(os.environ.get("REEV_GQL_TEST_STORIES", "50"))
STEPS = 16
"""Enough for three executions to live from request to end with something in between."""

S = ExecutionStatus
LIVING = (S.RUNNING, S.STOPPING)
ENDINGS = (S.SUCCEEDED, S.FAILED, S.TIMED_OUT, S.LOST)

STORY = settings(
    max_examples=STORIES,
    stateful_step_count=STEPS,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Model:
    """What an execution must be."""

    id: ExecutionId
    status: ExecutionStatus = S.QUEUED
    worker: WorkerId | None = None
    path: list[ExecutionStatus] = field(default_factory=lambda: [S.QUEUED])
    events: int = 1
    calls: dict[int, ToolCallStatus] = field(default_factory=dict)
    output: int = 0
    results: int = 0
    process: ProcessIdentity | None = None

    def move(self, status: ExecutionStatus) -> None:
        self.status = status
        self.path.append(status)
        self.events += 1

    @property
    def lives(self) -> bool:
        return self.status in LIVING

    def obeys(self, writer: WorkerId | None) -> bool:
        """Whether what `writer` writes of it counts."""
        return self.lives and writer in (None, self.worker)


@dataclass
class World:
    """What the stories share: a loop, a database that fails as planned, and one that does not."""

    runner: asyncio.Runner
    db: Database
    plan: Plan
    checker: Any

    def do(
        self, operation: Callable[[], Awaitable[Any]], fault: tuple[int, Fault] | None
    ) -> tuple[bool, Any]:
        """The result, and whether it is that of an undisturbed first try."""
        if fault is None:
            return True, self.runner.run(self._of(operation))
        self.plan.fail(*fault)
        try:
            self.runner.run(self._of(operation))
        except DatabaseUnavailable:
            pass
        finally:
            self.plan.disarm()
        return False, self.runner.run(self._of(operation))

    @staticmethod
    async def _of(operation: Callable[[], Awaitable[Any]]) -> Any:
        return await operation()


FAULTS = st.one_of(st.none(), st.tuples(st.integers(1, 9), st.sampled_from(Fault)))
NAMES = ("first", "second")
WORKERS = st.sampled_from([id_of(name) for name in NAMES])
WRITERS = st.one_of(st.none(), WORKERS)
"""Who writes: whoever it is (None), or a worker that may have lost the execution to another long ago."""
ORDINALS = st.integers(1, 3)


class Lifecycle(RuleBasedStateMachine):
    """Requests, workers, runners and people who stop things, in any order."""

    world: ClassVar[World]
    living = Bundle("executions")

    def __init__(self) -> None:
        super().__init__()
        self.models: list[Model] = []
        self.keys: dict[str, tuple[Model, str]] = {}

    @rule(target=living, fault=FAULTS)
    def request(self, fault: tuple[int, Fault] | None) -> Model:
        # Without a key another try is another execution, so whoever wants one uses a key.
        return self._request(f"key {len(self.models)}", "deterministic", fault)

    @rule(execution=living, agent=st.sampled_from(["deterministic", "other"]), fault=FAULTS)
    def request_again(self, execution: Model, agent: str, fault: tuple[int, Fault] | None) -> None:
        key = next(key for key, (model, _) in self.keys.items() if model is execution)
        try:
            assert self._request(key, agent, fault) is execution
        except IdempotencyConflict:
            assert agent != self.keys[key][1]
        else:
            assert agent == self.keys[key][1]
        self._check(execution)

    def _request(self, key: str, agent: str, fault: tuple[int, Fault] | None) -> Model:
        first, (execution, new) = self.world.do(
            lambda: state_machine.request_execution(
                self.world.db, benchmark_id="bench", agent=agent, timeout_ms=1000, idempotency_key=key
            ),
            fault,
        )
        if key in self.keys:
            assert not new and execution.id == self.keys[key][0].id
            return self.keys[key][0]
        assert new or not first
        model = Model(execution.id)
        self.models.append(model)
        self.keys[key] = (model, agent)
        self._check(model)
        return model

    @rule(execution=living, worker=WORKERS, fault=FAULTS)
    def claim(self, execution: Model, worker: WorkerId, fault: tuple[int, Fault] | None) -> None:
        first, claimed = self.world.do(lambda: claim_as(self.world.db, execution.id, worker), fault)
        if execution.status is S.QUEUED:
            assert claimed is not None or not first
            execution.move(S.RUNNING)
            execution.worker = worker
        else:
            assert claimed is None
        self._check(execution)

    @rule(execution=living, worker=WORKERS, owner=WRITERS, fault=FAULTS)
    def adopt(
        self, execution: Model, worker: WorkerId, owner: WorkerId | None, fault: tuple[int, Fault] | None
    ) -> None:
        """A worker has crashed, or is thought to: another one takes over from whom it believes it to be."""
        first, adopted = self.world.do(
            lambda: state_machine.adopt(self.world.db, execution.id, worker, owner), fault
        )
        if execution.lives and owner == execution.worker:
            execution.worker = worker
            assert adopted is not None or not first
        else:
            assert adopted is None
        self._check(execution)

    @rule(execution=living, pid=st.integers(1, 99), writer=WRITERS, fault=FAULTS)
    def start_runner(
        self, execution: Model, pid: int, writer: WorkerId | None, fault: tuple[int, Fault] | None
    ) -> None:
        process = ProcessIdentity(pid, pid / 2)
        _, told = self.world.do(
            lambda: state_machine.record_process(self.world.db, execution.id, process, writer), fault
        )
        assert told is execution.obeys(writer)
        if told:
            execution.process = process
        self._check(execution)

    @rule(execution=living, ordinal=ORDINALS, ends=st.booleans(), writer=WRITERS, fault=FAULTS)
    def use_tool(
        self,
        execution: Model,
        ordinal: int,
        ends: bool,
        writer: WorkerId | None,
        fault: tuple[int, Fault] | None,
    ) -> None:
        kind = EventKind.TOOL_CALL_ENDED if ends else EventKind.TOOL_CALL_STARTED
        status = ToolCallStatus.SUCCESS if ends else ToolCallStatus.UNFINISHED
        changes = [(kind, call(ordinal, status=status))]
        _, taken = self.world.do(
            lambda: state_machine.append_tool_calls(self.world.db, execution.id, changes, writer), fault
        )
        assert taken is execution.obeys(writer)
        known = execution.calls.get(ordinal)
        if taken and (known is None or (ends and known is ToolCallStatus.UNFINISHED)):
            execution.calls[ordinal] = status
            execution.events += 1
        self._check(execution)

    @rule(execution=living, fault=FAULTS)
    def print_something(self, execution: Model, fault: tuple[int, Fault] | None) -> None:
        """Output is kept whenever it comes; it is no event and moves nothing but the last activity."""
        offset = execution.output
        self.world.do(lambda: output.append(self.world.db, execution.id, offset, b"12345"), fault)
        execution.output += 5
        self._check(execution)

    @rule(execution=living, fault=FAULTS)
    def stop(self, execution: Model, fault: tuple[int, Fault] | None) -> None:
        first, answer = self.world.do(lambda: state_machine.request_stop(self.world.db, execution.id), fault)
        match execution.status:
            case S.QUEUED:
                execution.move(S.STOPPED)
                assert answer.outcome is StopOutcome.STOPPED or not first
            case S.RUNNING:
                execution.move(S.STOPPING)
                assert answer.outcome is StopOutcome.STOPPING
            case S.STOPPING:
                assert answer.outcome is StopOutcome.STOPPING
            case _:
                assert answer.outcome is StopOutcome.ALREADY_ENDED
        assert answer.execution.status is execution.status
        self._check(execution)

    @rule(
        execution=living,
        status=st.sampled_from(ENDINGS),
        with_file=st.booleans(),
        writer=WRITERS,
        fault=FAULTS,
    )
    def end(
        self,
        execution: Model,
        status: ExecutionStatus,
        with_file: bool,
        writer: WorkerId | None,
        fault: tuple[int, Fault] | None,
    ) -> None:
        """A result, an exit, a time that is up, a loss; from its worker or from one that comes too late."""
        result = {"session_file_hash": "a" * 64, "session": {}, "score": 0.5} if with_file else {}
        first, finished = self.world.do(
            lambda: state_machine.finish(self.world.db, execution.id, ending(status, **result), writer), fault
        )
        if execution.obeys(writer):
            told = status if execution.status is S.RUNNING else S.STOPPED
            execution.move(told)
            execution.results = int(with_file)
            assert (finished is not None and finished.status is told) or not first
        else:
            assert finished is None
        self._check(execution)

    @rule(execution=consumes(living))
    def forget(self, execution: Model) -> None:
        """Whoever comes later must not need it: stories stay short of old executions."""
        self._check(execution)

    @rule()
    def restart(self) -> None:
        """The process dies with all its connections; the next one finds everything as it was."""
        self.world.db.pool.expire()
        for model in self.models:
            self._check(model)

    def _check(self, model: Model) -> None:
        assert self.world.runner.run(seen(self.world.checker, model)) == expected(model)

    def teardown(self) -> None:
        assert self.world.runner.run(self._end()) == []

    async def _end(self) -> list[str]:
        """What is wrong at the end of this story; the next one begins with nothing."""
        around = InvariantContext(acknowledged=[model.id for model in self.models])
        found = await violations_in_database(self.world.checker, around)
        await self.world.checker.execute("DELETE FROM executions")
        return found


SEEN = """
SELECT x.status::text, x.worker_id, x.event_seq, x.process_id,
       (SELECT array_agg(e.status::text ORDER BY seq) FROM execution_events e
        WHERE execution_id = x.id AND e.status IS NOT NULL) AS path,
       (SELECT count(*) FROM execution_events WHERE execution_id = x.id) AS events,
       (SELECT jsonb_object_agg(ordinal, c.status) FROM execution_tool_calls c
        WHERE execution_id = x.id)::text AS calls,
       (SELECT coalesce(sum(length(content)), 0) FROM execution_output WHERE execution_id = x.id) AS output,
       (SELECT count(*) FROM execution_results WHERE execution_id = x.id) AS results
FROM executions x WHERE id = $1
"""


async def seen(checker: Any, model: Model) -> tuple[Any, ...]:
    """What the database holds of it."""
    return tuple(await checker.fetchrow(SEEN, model.id))


def expected(model: Model) -> tuple[Any, ...]:
    calls = ", ".join(f'"{ordinal}": "{status}"' for ordinal, status in sorted(model.calls.items()))
    return (
        str(model.status),
        model.worker,
        model.events,
        None if model.process is None else model.process.pid,
        [str(status) for status in model.path],
        model.events,
        f"{{{calls}}}" if calls else None,
        model.output,
        model.results,
    )


@pytest.mark.timeout(60 + STORIES)
def test_every_story_of_executions_is_one_that_the_model_tells(database_url: str) -> None:
    with asyncio.Runner() as runner:
        opened = failing_database(database_url)
        db, plan = runner.run(opened.__aenter__())
        checker = runner.run(asyncpg.connect(database_url))
        try:
            runner.run(queued(db))
            for name in NAMES:
                runner.run(registered(db, name))
            Lifecycle.world = World(runner, db, plan, checker)
            run_state_machine_as_test(Lifecycle, settings=STORY)
        finally:
            runner.run(checker.close())
            runner.run(opened.__aexit__(None, None, None))
