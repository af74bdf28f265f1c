"""Validates requests for executions, reruns and batches, and stores them as QUEUED.

What is wrong with a request is refused before anything is written. Nothing is started here: a worker does that
when the execution's turn comes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from runner_bridge.agents import known_agents
from runner_bridge.errors import AgentNotFound, AgentsNotFound, InvalidInput
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.ids import check_id
from runner_bridge.launchers.runner_config import RunnerConfig
from store.batches import batches
from store.benchmarks import benchmarks
from store.benchmarks import listing as benchmark_listing
from store.benchmarks.listing import BenchmarkFilter
from store.executions import state_machine
from store.executions.queue import HIGHEST_PRIORITY, LOWEST_PRIORITY
from store.model import UNKNOWN_BENCHMARK, Batch, BatchLabel, BenchmarkId, Execution, ExecutionId, JsonValue
from store.postgres.database import Database

MIN_TIMEOUT_MS = 100
MAX_TIMEOUT_MS = 24 * 60 * 60 * 1000
MAX_KEY_LENGTH = 200

MAX_BATCH = 1000
"""Executions in one batch, which is stored in one transaction."""

MAX_REPEATS = 100
MAX_NAME_LENGTH = 200
MAX_NOTE_LENGTH = 4000
MAX_TAGS = 20
TAG = re.compile(r"[A-Za-z0-9_.:/-]{1,64}(=[A-Za-z0-9_.:/-]{1,64})?")
"""A tag of a batch: `key`, or `key=value`."""


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
) -> tuple[Execution, bool]:
    """A QUEUED execution, of the current revision unless another is given, and whether it is new.

    A repeated idempotency key gives the first execution again.

    Raises InvalidInput, AgentNotFound, and the store's BenchmarkNotFound and IdempotencyConflict.
    """
    _check_id("benchmarkId", benchmark_id)
    _check_id("agent", agent)
    known = await known_agents.usable(db, config)
    if agent not in known:
        raise AgentNotFound(agent, known, known_agents.how_to_add(config))
    return await state_machine.request_execution(
        db,
        benchmark_id=benchmark_id,
        agent=agent,
        timeout_ms=config.timeout_ms if timeout_ms is None else _check_timeout(timeout_ms),
        idempotency_key=None if idempotency_key is None else _check_key(idempotency_key),
        rerun_of=rerun_of,
        revision=revision,
        priority=_check_priority(priority),
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
) -> tuple[Execution, bool]:
    """A new execution of the same benchmark, by default with the same agent, time limit and priority.

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


async def request_batch(
    db: Database,
    config: RunnerConfig,
    *,
    benchmark_ids: Sequence[str] | None,
    filter: BenchmarkFilter | None,
    agents: Sequence[str],
    timeout_ms: int | None = None,
    idempotency_key: str | None = None,
    priority: int = batches.PRIORITY,
    repeats: int = 1,
    label: BatchLabel = batches.NO_LABEL,
) -> tuple[Batch, bool]:
    """Every chosen benchmark `repeats` times with every agent as one batch, and whether it is new.

    Exactly one of `benchmark_ids` and `filter` chooses. Raises InvalidInput, AgentsNotFound, and the store's
    BenchmarkNotFound and BatchIdempotencyConflict.
    """
    await _check_agents(db, config, agents)
    if not 1 <= repeats <= MAX_REPEATS:
        raise InvalidInput("repeats", f"Each can be repeated 1 to {MAX_REPEATS} times, not {repeats}")
    _check_label(label)
    request = _request(benchmark_ids, filter, agents, timeout_ms, _check_priority(priority), repeats, label)
    limit = config.timeout_ms if timeout_ms is None else _check_timeout(timeout_ms)
    key = None if idempotency_key is None else _check_key(idempotency_key)
    if key is not None and (known := await batches.by_key(db, key, request)):
        return known, False
    chosen = await _chosen(db, benchmark_ids, filter, len(agents) * repeats)
    return await batches.request_batch(
        db,
        benchmark_ids=chosen,
        agents=agents,
        timeout_ms=limit,
        request=request,
        idempotency_key=key,
        priority=priority,
        repeats=repeats,
        label=label,
    )


def _request(
    benchmark_ids: Sequence[str] | None,
    filter: BenchmarkFilter | None,
    agents: Sequence[str],
    timeout_ms: int | None,
    priority: int,
    repeats: int,
    label: BatchLabel,
) -> JsonValue:
    """The request in a form in which equal requests are equal; the order of ids does not count."""
    return {
        "benchmarkIds": None if benchmark_ids is None else sorted(benchmark_ids),
        "filter": None if filter is None else {key: _listed(value) for key, value in asdict(filter).items()},
        "agents": sorted(agents),
        "timeoutMs": timeout_ms,
        # Left out when they are the default: requests that were stored before there were these equal it.
        **({} if priority == batches.PRIORITY else {"priority": priority}),
        **({} if repeats == 1 else {"repeats": repeats}),
        **({} if label == batches.NO_LABEL else {**asdict(label), "tags": sorted(label.tags)}),
    }


def _listed(value: JsonValue) -> JsonValue:
    return sorted(value) if isinstance(value, tuple) else value


async def _chosen(
    db: Database, benchmark_ids: Sequence[str] | None, filter: BenchmarkFilter | None, of_each: int
) -> list[BenchmarkId]:
    if (benchmark_ids is None) == (filter is None):
        raise InvalidInput("benchmarkIds", "Give either `benchmarkIds` or `filter`")
    if benchmark_ids is not None:
        for benchmark_id in benchmark_ids:
            _check_id("benchmarkIds", benchmark_id)
        _check_distinct("benchmarkIds", benchmark_ids)
        chosen = [BenchmarkId(benchmark_id) for benchmark_id in benchmark_ids]
    else:
        chosen = await _matching(db, filter or BenchmarkFilter())
    if not chosen:
        raise InvalidInput("filter" if filter else "benchmarkIds", "No benchmark is chosen")
    if len(chosen) * of_each > MAX_BATCH:
        field = "filter" if filter else "benchmarkIds"
        asked = f"{len(chosen)} benchmarks, {of_each} times each"
        raise InvalidInput(field, f"A batch has at most {MAX_BATCH} executions; these are {asked}")
    return chosen


async def _matching(db: Database, filter: BenchmarkFilter) -> list[BenchmarkId]:
    if filter.include_archived:
        raise InvalidInput("filter", "Archived benchmarks cannot be executed; leave out `includeArchived`")
    page = await benchmark_listing.page(db, filter, benchmark_listing.BenchmarkBounds(MAX_BATCH))
    if page.has_next:
        raise InvalidInput("filter", f"It matches more than {MAX_BATCH} benchmarks")
    return [benchmark.id for benchmark in page.items]


async def _check_agents(db: Database, config: RunnerConfig, agents: Sequence[str]) -> None:
    if not agents:
        raise InvalidInput("agents", "Name at least one agent")
    for agent in agents:
        _check_id("agents", agent)
    _check_distinct("agents", agents)
    known = await known_agents.usable(db, config)
    if unknown := [agent for agent in agents if agent not in known]:
        raise AgentsNotFound(unknown, known, known_agents.how_to_add(config))


def _check_label(label: BatchLabel) -> None:
    name, note = label.name, label.note
    if name is not None and not (1 <= len(name) <= MAX_NAME_LENGTH and name.isprintable()):
        raise InvalidInput("name", f"A name is 1 to {MAX_NAME_LENGTH} printable characters")
    if note is not None and len(note) > MAX_NOTE_LENGTH:
        raise InvalidInput("note", f"A note has at most {MAX_NOTE_LENGTH} characters")
    if len(label.tags) > MAX_TAGS:
        raise InvalidInput("tags", f"A batch has at most {MAX_TAGS} tags")
    for tag in label.tags:
        if not TAG.fullmatch(tag):
            allowed = "1 to 64 letters, digits and `_.:/-` each"
            raise InvalidInput("tags", f"{tag[:80]!r} is not a tag: `key` or `key=value`, {allowed}")
    _check_distinct("tags", label.tags)


def _check_distinct(field: str, values: Sequence[str]) -> None:
    if repeated := next((value for value, count in Counter(values).items() if count > 1), None):
        raise InvalidInput(field, f"{repeated!r} is named twice")


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


def _check_priority(priority: int) -> int:
    if not LOWEST_PRIORITY <= priority <= HIGHEST_PRIORITY:
        raise InvalidInput(
            "priority", f"A priority is {LOWEST_PRIORITY} to {HIGHEST_PRIORITY}, not {priority}"
        )
    return priority


def _check_key(key: str) -> str:
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isprintable():
        raise InvalidInput(
            "idempotencyKey", f"An idempotency key is 1 to {MAX_KEY_LENGTH} printable characters"
        )
    return key
