"""A schema in which everything goes wrong: each executor answers as graphql-core does, errors in order."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from graphql import parse, validate
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gql_server.compiled.json_executor import JsonExecutor
from tests.helpers.compiled_servers import (
    answer_to,
    by_graphql_core,
    by_json_executor,
    by_plan,
    events_by_graphql_core,
    plan_of,
)
from tests.helpers.nasty_schema import POOLS, Dice, events, schema
from tests.helpers.random_documents import Maker

EXAMPLES = 60


def examples(number: int = EXAMPLES) -> settings:
    return settings(
        max_examples=number,
        deadline=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=True,
    )


seeds = st.integers(0, 2**32)


def context(seed: int, trouble: float) -> dict[str, Any]:
    return {"dice": Dice(seed, "", trouble), "written": []}


@pytest.mark.parametrize("kind", ["query", "mutation"])
@examples()
@given(seed=seeds, trouble=st.sampled_from((0.0, 0.05, 0.3)))
async def test_each_executor_answers_what_graphql_core_does(kind: str, seed: int, trouble: float) -> None:
    asked = Maker(Random(seed), schema._schema, POOLS).make(kind)
    document = parse(asked.source)
    assert validate(schema._schema, document) == []
    expecting, actual = context(seed, trouble), context(seed, trouble)
    expected = await by_graphql_core(schema, document, asked.variables, expecting)
    assert await by_plan(plan_of(schema, document), asked.variables, actual) == expected
    assert actual["written"] == expecting["written"]
    actual = context(seed, trouble)
    assert await by_json_executor(schema, document, asked.variables, actual) == expected
    assert actual["written"] == expecting["written"]


@examples(30)
@given(seed=seeds, trouble=st.sampled_from((0.0, 0.3)))
async def test_an_event_is_executed_as_graphql_core_does(seed: int, trouble: float) -> None:
    selections = Maker(Random(seed), schema._schema, POOLS).selections("Branch")
    document = parse("subscription ($times: Int!) { happens(times: $times) " + selections + "}")
    watching = context(seed, trouble)
    expected = await events_by_graphql_core(schema, document, {"times": 4}, watching)
    plan = plan_of(schema, document)
    values = plan.variables({"times": 4})
    assert not isinstance(values, list)
    actual = [
        await answer_to(plan.execute_event(event, watching, values)) for event in events(watching["dice"], 4)
    ]
    assert actual == expected
    watching = context(seed, trouble)
    assert await events_by_graphql_core(schema, document, {"times": 4}, watching, JsonExecutor) == expected
