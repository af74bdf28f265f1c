"""A loader per relation: the keys that one level of a query asks for become one statement.

Nothing is cached: a socket lives for hours and each of its events must see the row as it is then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from strawberry.dataloader import DataLoader

from store import benchmarks, events, executions, output
from store.database import Database
from store.events import EventsKey, HubEvent
from store.model import Benchmark, BenchmarkId, Execution, ExecutionId, Step, ToolCall
from store.output import NO_OUTPUT, OutputPiece

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True)
class Loaders:
    """Each answers in key order; None or an empty tuple for what does not exist."""

    execution: DataLoader[ExecutionId, Execution | None]
    benchmark: DataLoader[BenchmarkId, Benchmark | None]
    benchmark_revision: DataLoader[tuple[BenchmarkId, int], Benchmark | None]
    latest_execution: DataLoader[tuple[BenchmarkId, str | None], Execution | None]
    steps: DataLoader[ExecutionId, tuple[Step, ...]]
    tool_calls: DataLoader[ExecutionId, tuple[ToolCall, ...]]
    prompt: DataLoader[ExecutionId, str | None]
    events: DataLoader[EventsKey, tuple[HubEvent, ...]]
    output: DataLoader[tuple[ExecutionId, int], OutputPiece]

    @classmethod
    def build(cls, db: Database) -> Loaders:
        async def latest(
            keys: list[tuple[BenchmarkId, str | None]],
        ) -> Mapping[tuple[BenchmarkId, str | None], Execution]:
            found: dict[tuple[BenchmarkId, str | None], Execution] = {}
            for agent in {agent for _, agent in keys}:
                ids = [benchmark_id for benchmark_id, wanted in keys if wanted == agent]
                for benchmark_id, newest in (await executions.latest_of_benchmarks(db, ids, agent)).items():
                    found[benchmark_id, agent] = newest
            return found

        return cls(
            execution=_loader(lambda ids: executions.get_many(db, ids), None),
            benchmark=_loader(lambda ids: benchmarks.get_many(db, ids), None),
            benchmark_revision=_loader(lambda keys: benchmarks.get_revisions(db, keys), None),
            latest_execution=_loader(latest, None),
            steps=_loader(lambda ids: executions.steps_of(db, ids), ()),
            tool_calls=_loader(lambda ids: executions.tool_calls_of(db, ids), ()),
            prompt=_loader(lambda ids: executions.prompts_of(db, ids), None),
            events=_loader(lambda keys: events.of_executions(db, keys), ()),
            output=_loader(lambda keys: output.read_many(db, keys), NO_OUTPUT),
        )


def _loader(load: Callable[[list[K]], Awaitable[Mapping[K, V]]], missing: V) -> DataLoader[K, V]:
    async def in_key_order(keys: list[K]) -> Sequence[V]:
        found = await load(list(dict.fromkeys(keys)))
        return [found.get(key, missing) for key in keys]

    return DataLoader(load_fn=in_key_order, cache=False)
