"""What a caller can get wrong when asking for an execution: typed, helpful, and nothing written."""

from __future__ import annotations

import pytest

from runner_bridge import launch
from runner_bridge.errors import AgentNotFound, InvalidInput
from store import executions
from store.errors import BenchmarkNotFound
from tests.runner_bridge.bridge import Bridge

GOOD = {"benchmark_id": "001-sol-transfer", "agent": "deterministic"}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"benchmark_id": "../../etc/passwd"}, "benchmarkId"),
        ({"benchmark_id": "-rf"}, "benchmarkId"),
        ({"benchmark_id": "a\0b"}, "benchmarkId"),
        ({"benchmark_id": "x" * 300}, "benchmarkId"),
        ({"benchmark_id": ""}, "benchmarkId"),
        ({"benchmark_id": "001-sol-transfer\n"}, "benchmarkId"),
        ({"agent": "--help"}, "agent"),
        ({"agent": "$(reboot)"}, "agent"),
        ({"timeout_ms": 0}, "timeoutMs"),
        ({"timeout_ms": -5}, "timeoutMs"),
        ({"timeout_ms": 2**31 - 1}, "timeoutMs"),
        ({"idempotency_key": ""}, "idempotencyKey"),
        ({"idempotency_key": "a\0b"}, "idempotencyKey"),
        ({"idempotency_key": "k" * 201}, "idempotencyKey"),
    ],
)
async def test_input_that_cannot_be_used_is_refused_by_field(
    bridge: Bridge, wrong: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await launch.request_execution(bridge.db, bridge.config, **{**GOOD, **wrong})  # type: ignore[arg-type]
    assert refused.value.field == field
    assert await executions.live(bridge.db) == []


async def test_an_unknown_agent_is_answered_with_the_known_ones(bridge: Bridge) -> None:
    with pytest.raises(AgentNotFound, match="deterministic, local") as refused:
        await launch.request_execution(
            bridge.db, bridge.config, benchmark_id="001-sol-transfer", agent="gpt-99"
        )
    assert refused.value.known == bridge.config.agents
    assert await executions.live(bridge.db) == []


async def test_an_unknown_benchmark_writes_nothing(bridge: Bridge) -> None:
    with pytest.raises(BenchmarkNotFound):
        await launch.request_execution(
            bridge.db, bridge.config, benchmark_id="999-nothing", agent="deterministic"
        )
    assert await executions.live(bridge.db) == []


async def test_without_a_time_limit_the_configured_one_holds(bridge: Bridge) -> None:
    execution, created = await launch.request_execution(
        bridge.db, bridge.config, benchmark_id="001-sol-transfer", agent="glm-4.6"
    )
    assert created and execution.timeout_ms == bridge.config.timeout_ms
