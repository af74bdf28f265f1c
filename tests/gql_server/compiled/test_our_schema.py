"""Over our own schema and a database with every kind of row, each executor answers what graphql-core does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
from graphql import parse, validate
from hypothesis import given

from runner_bridge.benchmarks.definitions import Definitions
from runner_bridge.launchers.runner_config import RunnerConfig
from schema import build_schema
from schema.contract.context import Context
from store.agents import configurations
from store.agents.configurations import AgentConfigValues
from store.executions import state_machine
from store.live.hub import Hub
from store.model import ExecutionStatus, Step
from store.postgres.database import Database
from tests.gql_server.compiled.test_nasty import examples, seeds
from tests.helpers.compiled_servers import by_graphql_core, by_json_executor, by_plan, plan_of
from tests.helpers.random_documents import Maker, Pools
from tests.helpers.stored_rows import append, call, ending, in_state, queued, running

schema = build_schema()

NOW = frozenset(
    {
        "Worker.silentMs",
        "Agent.lastSeenAt",
        "ExecutionConnection.updatesCursor",
        "BenchmarkConnection.updatesCursor",
    }
)
"""What is another value each time it is asked for; the one place in a log has two spellings as a cursor."""


@dataclass
class Seeded:
    """A database, the values to ask it for, and a context for each request: loaders are not shared."""

    db: Database
    hub: Hub
    runner: RunnerConfig
    pools: Pools = field(default_factory=dict)
    definitions: Definitions = field(default_factory=Definitions)

    def context(self) -> Context:
        return Context.build(self.db, self.hub, self.runner, self.definitions)


@pytest.fixture
async def seeded(db: Database, hub: Hub, tmp_path: Path) -> Seeded:
    runner = RunnerConfig(benchmarks_dir=tmp_path, agents=("deterministic", "glm-4.6"))
    return Seeded(db, hub, runner, await full_database(db))


async def full_database(db: Database) -> Mapping[str, list[Any]]:
    """Executions in every state, one with all that an execution can have; the values to ask for."""
    ids = [str(await in_state(db, status)) for status in ExecutionStatus]
    rich = await running(db, "rich")
    for ordinal in (1, 2):
        await append(db, rich, ordinal)
    full = ending(
        success=True,
        score=0.5,
        scoring={"score": 0.5},
        prompt="do it",
        exit_code=0,
        execution_time_ms=1234,
        steps=(Step(1, "think", [{"program_id": "p"}], {"last_transaction_logs": ["a"]}, {}),),
        tool_calls=(call(1), call(2, result={"b": [1, None]})),
    )
    await state_machine.finish(db, rich, full)
    again = await queued(db, "rich", rerun_of=rich)
    settings = {"tool_set": "decimal", "parameters": {"a": [1]}, "drop_schema_keywords": ["pattern"]}
    values = AgentConfigValues("http://127.0.0.1/v1", "m", settings, "hash")
    await configurations.save(db, "glm-4.6", lambda _: values)
    ids += [str(rich), str(again.id), "00000000-0000-0000-0000-000000000000", "no id"]
    benchmarks = ["bench", "rich", "nothing", "../.."]
    return {
        **{f"Query.{field}.{name}": ids for field in ("execution", "flow") for name in ("id", "executionId")},
        "Query.compareExecutions.left": ids,
        "Query.compareExecutions.right": ids,
        "Query.benchmark.id": benchmarks,
        "benchmarkIds": [[name] for name in benchmarks],
        "first": [1, 2, 50, 0],
        "last": [1, 3],
        "DateTime": ["2026-01-01T00:00:00Z", "2030-05-05T10:00:00+02:00"],
        "Date": ["2026-01-01"],
        "ID": ids,
        "JSON": [1, "x"],
    }


@examples(40)
@given(seed=seeds)
async def test_each_executor_answers_what_graphql_core_does(seeded: Seeded, seed: int) -> None:
    asked = Maker(Random(seed), schema._schema, seeded.pools, NOW, depth=6).make()
    document = parse(asked.source)
    assert validate(schema._schema, document) == []
    expected = await by_graphql_core(schema, document, asked.variables, seeded.context())
    compiled = await by_plan(plan_of(schema, document), asked.variables, seeded.context())
    switched_off = await by_json_executor(schema, document, asked.variables, seeded.context())
    for actual in (compiled, switched_off):
        assert actual[0] == expected[0]
        # The database and threads answer in an order of their own: which of two fatal errors is first is theirs.
        if expected[0] is not None:
            assert sorted(actual[1], key=repr) == sorted(expected[1], key=repr)
