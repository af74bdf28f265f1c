"""Makes the rows of an observed execution from its session file and the tool log beside it.

Nothing here needs the event loop or the database: it is called in threads and in parser processes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

from runner_bridge.formats.benchmarks.benchmark import Benchmark
from runner_bridge.formats.errors import FormatError, shown
from runner_bridge.formats.times import milliseconds_of
from runner_bridge.sessions.endings import Evaluation, ending_by_result, evaluate_steps
from runner_bridge.sessions.named_session import NamedSession
from runner_bridge.sessions.reading import Session
from store.executions import observed
from store.executions.tool_logs import StoredLog
from store.model import UNKNOWN_AGENT, BenchmarkId

MAX_AGENT_LENGTH = 200

Definition = tuple[int, Benchmark]
"""A benchmark's current revision and what it says."""


def check_agent(session: Session) -> None:
    """Raises FormatError when the agent in the file cannot be an agent's name."""
    agent = session.file.agent_type
    if agent is not None and (not agent.isprintable() or not 1 <= len(agent) <= MAX_AGENT_LENGTH):
        raise FormatError(f"agent_type {shown(agent)} is no agent's name")


def prepare(
    found: NamedSession,
    session: Session,
    log: StoredLog | None,
    log_start: dt.datetime | None,
    definitions: Mapping[BenchmarkId, Definition],
) -> observed.Observed:
    """The rows, judged by the benchmark's current definition where there is one."""
    benchmark_id = BenchmarkId(session.file.benchmark_id)
    revision, evaluation = None, Evaluation()
    if definition := definitions.get(benchmark_id):
        revision, benchmark = definition
        evaluation = evaluate_steps(benchmark, session.result.steps)
    ending = ending_by_result(session, evaluation)
    return observed.prepare(
        found.execution_id,
        replace(ending, execution_time_ms=_execution_time_ms(session)),
        session_id=found.stored_id,
        benchmark_id=benchmark_id,
        benchmark_revision=revision,
        agent=session.file.agent_type or UNKNOWN_AGENT,
        started_at=session.file.started_at,
        ended_at=session.file.ended_at,
        file=found.file,
        log=log,
        log_start=log_start,
    )


def _execution_time_ms(session: Session) -> int | None:
    """The file's duration in ms; None when the times it was computed from are placeholders, or it is too long."""
    claimed, tree = session.result.execution_time_ms, session.file.raw
    for name, read in (("start_time", session.file.started_at), ("end_time", session.file.ended_at)):
        if tree.get(name) is not None and read is None:
            return None
    return milliseconds_of(claimed)
