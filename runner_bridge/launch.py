"""Requesting an execution: everything a caller can get wrong is refused here, before anything is written.

Nothing is started here; a worker does that when the execution's turn comes.
"""

from __future__ import annotations

from runner_bridge.command import RunnerConfig
from runner_bridge.errors import AgentNotFound, InvalidInput
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.ids import check_id
from store import executions
from store.database import Database
from store.model import Execution, ExecutionId

MIN_TIMEOUT_MS = 100
MAX_TIMEOUT_MS = 24 * 60 * 60 * 1000
MAX_KEY_LENGTH = 200


async def request_execution(
    db: Database,
    config: RunnerConfig,
    *,
    benchmark_id: str,
    agent: str,
    timeout_ms: int | None = None,
    idempotency_key: str | None = None,
    rerun_of: ExecutionId | None = None,
) -> tuple[Execution, bool]:
    """A QUEUED execution and whether it is new; a repeated key gives the first one again.

    Raises InvalidInput, AgentNotFound, and the store's BenchmarkNotFound and IdempotencyConflict.
    """
    _check_id("benchmarkId", benchmark_id)
    _check_id("agent", agent)
    if agent not in config.agents:
        raise AgentNotFound(agent, config.agents)
    return await executions.request_execution(
        db,
        benchmark_id=benchmark_id,
        agent=agent,
        timeout_ms=config.timeout_ms if timeout_ms is None else _check_timeout(timeout_ms),
        idempotency_key=None if idempotency_key is None else _check_key(idempotency_key),
        rerun_of=rerun_of,
    )


def _check_id(field: str, value: str) -> None:
    try:
        check_id(value, field)
    except FormatError as error:
        raise InvalidInput(field, error.message) from error


def _check_timeout(timeout_ms: int) -> int:
    if not MIN_TIMEOUT_MS <= timeout_ms <= MAX_TIMEOUT_MS:
        raise InvalidInput(
            "timeoutMs",
            f"A time limit is {MIN_TIMEOUT_MS} to {MAX_TIMEOUT_MS} milliseconds, not {timeout_ms}",
        )
    return timeout_ms


def _check_key(key: str) -> str:
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isprintable():
        raise InvalidInput(
            "idempotencyKey", f"An idempotency key is 1 to {MAX_KEY_LENGTH} printable characters"
        )
    return key
