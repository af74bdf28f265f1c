"""Validates requests for batches and their repetitions, and stores their executions as QUEUED.

What is wrong with a request is refused before anything is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from runner_bridge.agents import known_agents
from runner_bridge.errors import AgentsNotFound, InvalidInput
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.request_checks import (
    check_distinct,
    check_id,
    check_key,
    check_name,
    check_note,
    check_priority,
    check_tag_changes,
    check_tags,
    check_timeout,
)
from store.batches import batches
from store.benchmarks import listing as benchmark_listing
from store.benchmarks.listing import BenchmarkFilter
from store.model import Batch, BatchId, BatchLabel, BenchmarkId, JsonValue, RerunOnly
from store.postgres.database import Database

MAX_BATCH = 1000
"""Executions in one batch, which is stored in one transaction."""

MAX_REPEATS = 100


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
    request = _request(benchmark_ids, filter, agents, timeout_ms, check_priority(priority), repeats, label)
    limit = config.timeout_ms if timeout_ms is None else check_timeout(timeout_ms)
    key = None if idempotency_key is None else check_key(idempotency_key)
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


async def rerun_batch(
    db: Database,
    config: RunnerConfig,
    original: Batch,
    only: RerunOnly,
    *,
    idempotency_key: str | None = None,
    name: str | None = None,
    note: str | None = None,
    tags: Sequence[str] | None = None,
) -> tuple[Batch, bool]:
    """A batch that repeats executions of `original`, and whether it is new; see `batches.rerun`.

    Without `tags` the batch has those of `original`, and each execution those of the one that it repeats. Raises
    InvalidInput, AgentsNotFound, and the store's NothingToRerun, BenchmarkNotFound and BatchIdempotencyConflict.
    """
    label = BatchLabel(name, note, original.tags if tags is None else tuple(tags))
    _check_label(label)
    request: JsonValue = {
        "rerunOf": str(original.id),
        "only": only,
        **{key: value for key, value in (("name", name), ("note", note)) if value is not None},
        **({} if tags is None else {"tags": sorted(tags)}),
    }
    key = None if idempotency_key is None else check_key(idempotency_key)
    if key is not None and (known := await batches.by_key(db, key, request)):
        return known, False
    await _check_known(db, config, await batches.agents_to_rerun(db, original.id, only))
    return await batches.rerun(
        db, original, only, request=request, idempotency_key=key, label=label, keeps_tags=tags is None
    )


async def relabel_batch(
    db: Database,
    batch_id: BatchId,
    *,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    name: str | None = None,
    note: str | None = None,
) -> Batch | None:
    """The batch with other tags, name or note, None where there is none; an empty name or note is taken away.

    Raises InvalidInput, and the store's TooManyTags.
    """
    check_tag_changes(add, remove)
    if not add and not remove and name is None and note is None:
        raise InvalidInput("add", "Nothing would change: give tags to add or to remove, a name or a note")
    if name:
        check_name(name)
    if note:
        check_note(note)
    return await batches.relabel(db, batch_id, add=add, remove=remove, name=name, note=note)


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
            check_id("benchmarkIds", benchmark_id)
        check_distinct("benchmarkIds", benchmark_ids)
        chosen = [BenchmarkId(benchmark_id) for benchmark_id in benchmark_ids]
    else:
        chosen = await _matching(db, filter or BenchmarkFilter())
    if not chosen:
        if filter:
            raise InvalidInput("filter", "No benchmark that is not archived matches the filter")
        raise InvalidInput("benchmarkIds", "No benchmark is chosen: name at least one")
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
        check_id("agents", agent)
    check_distinct("agents", agents)
    await _check_known(db, config, agents)


async def _check_known(db: Database, config: RunnerConfig, agents: Sequence[str]) -> None:
    known = await known_agents.usable(db, config)
    if unknown := [agent for agent in agents if agent not in known]:
        raise AgentsNotFound(unknown, known, known_agents.how_to_add(config))


def _check_label(label: BatchLabel) -> None:
    if label.name is not None:
        check_name(label.name)
    if label.note is not None:
        check_note(label.note)
    check_tags("tags", label.tags)
