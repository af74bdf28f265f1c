"""Validates requests for executions and their repetitions, and stores them as QUEUED.

What is wrong with a request is refused before anything is written. Nothing is started here: a worker does that
when the execution's turn comes.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner_bridge.agents import known_agents
from runner_bridge.errors import AgentNotFound, InvalidInput
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.request_checks import (
    check_id,
    check_key,
    check_priority,
    check_tag_changes,
    check_tags,
    check_timeout,
)
from store.benchmarks import benchmarks
from store.executions import state_machine
from store.executions import tags as tags_of_executions
from store.model import UNKNOWN_BENCHMARK, Execution, ExecutionId
from store.postgres.database import Database


async def request_execution(
    db: Database,
    config: RunnerConfig,
    *,
    benchmark_id: str,
    agent: str,
    timeout_ms: int | None = None,
    idempotency_key: str | None = None,
    rerun_of: ExecutionId | None = None,
    revision: int | None = None,
    priority: int = 0,
    tags: Sequence[str] = (),
) -> tuple[Execution, bool]:
    """A QUEUED execution, of the current revision unless another is given, and whether it is new.

    A repeated idempotency key gives the first execution again.

    Raises InvalidInput, AgentNotFound, and the store's BenchmarkNotFound and IdempotencyConflict.
    """
    check_id("benchmarkId", benchmark_id)
    check_id("agent", agent)
    check_tags("tags", tags)
    known = await known_agents.usable(db, config)
    if agent not in known:
        raise AgentNotFound(agent, known, known_agents.how_to_add(config))
    return await state_machine.request_execution(
        db,
        benchmark_id=benchmark_id,
        agent=agent,
        timeout_ms=config.timeout_ms if timeout_ms is None else check_timeout(timeout_ms),
        idempotency_key=None if idempotency_key is None else check_key(idempotency_key),
        rerun_of=rerun_of,
        revision=revision,
        priority=check_priority(priority),
        tags=tags,
    )


async def rerun_execution(
    db: Database,
    config: RunnerConfig,
    original: Execution,
    *,
    agent: str | None = None,
    timeout_ms: int | None = None,
    use_current_revision: bool = True,
    idempotency_key: str | None = None,
    priority: int | None = None,
    tags: Sequence[str] | None = None,
) -> tuple[Execution, bool]:
    """A new execution of the same benchmark, by default with the same agent, time limit, priority and tags.

    Raises what `request_execution` raises.
    """
    if original.benchmark_id == UNKNOWN_BENCHMARK:
        raise InvalidInput("executionId", "It is not known which benchmark that execution is of")
    return await request_execution(
        db,
        config,
        benchmark_id=original.benchmark_id,
        agent=original.agent if agent is None else agent,
        timeout_ms=original.timeout_ms if timeout_ms is None else timeout_ms,
        idempotency_key=idempotency_key,
        rerun_of=original.id,
        revision=None if use_current_revision else await _recorded_revision(db, config, original),
        priority=original.priority if priority is None else priority,
        tags=original.tags if tags is None else tags,
    )


async def _recorded_revision(db: Database, config: RunnerConfig, original: Execution) -> int:
    revision = original.benchmark_revision
    if revision is None:
        raise InvalidInput(
            "useCurrentRevision", "It is not known which revision was executed; only the current one can be"
        )
    current = await benchmarks.get(db, original.benchmark_id)
    is_current = current is not None and current.revision == revision
    if not is_current and not config.hands_on_definition:
        raise InvalidInput(
            "useCurrentRevision",
            f"The runner command has no {{path}}: it would execute its own file, not revision {revision}",
        )
    return revision


async def change_tags(
    db: Database, ids: Sequence[ExecutionId], *, add: Sequence[str], remove: Sequence[str]
) -> list[Execution]:
    """The executions with other tags, all or none; raises InvalidInput and what `tags.change` raises."""
    check_tag_changes(add, remove)
    if not add and not remove:
        raise InvalidInput("add", "Nothing would change: give tags to add or to remove")
    return await tags_of_executions.change(db, ids, add, remove)
