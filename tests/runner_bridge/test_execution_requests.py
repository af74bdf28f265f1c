"""Wrong requests for executions get a typed error that helps, and nothing is written."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace

import pytest

from runner_bridge import batch_requests, execution_requests
from runner_bridge.errors import AgentNotFound, InvalidInput
from store.batches.progress import progress_of
from store.errors import BenchmarkNotFound
from store.executions import listing, state_machine
from store.executions.filters import ExecutionFilter
from store.executions.listing import ExecutionBounds
from store.model import ExecutionStatus
from tests.helpers.bridge import Bridge, upsert_benchmark

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
        await execution_requests.request_execution(bridge.db, bridge.config, **{**GOOD, **wrong})  # type: ignore[arg-type]
    assert refused.value.field == field
    assert await state_machine.live(bridge.db) == []


async def test_an_unknown_agent_is_answered_with_the_known_ones(bridge: Bridge) -> None:
    with pytest.raises(AgentNotFound, match="deterministic, local") as refused:
        await execution_requests.request_execution(
            bridge.db, bridge.config, benchmark_id="001-sol-transfer", agent="gpt-99"
        )
    assert refused.value.known == bridge.config.agents
    assert await state_machine.live(bridge.db) == []


async def test_an_unknown_benchmark_writes_nothing(bridge: Bridge) -> None:
    with pytest.raises(BenchmarkNotFound):
        await execution_requests.request_execution(
            bridge.db, bridge.config, benchmark_id="999-nothing", agent="deterministic"
        )
    assert await state_machine.live(bridge.db) == []


async def test_without_a_time_limit_the_configured_one_holds(bridge: Bridge) -> None:
    execution, created = await execution_requests.request_execution(
        bridge.db, bridge.config, benchmark_id="001-sol-transfer", agent="glm-4.6"
    )
    assert created and execution.timeout_ms == bridge.config.timeout_ms


async def test_a_rerun_at_the_revision_of_then_hands_on_the_text_of_then(bridge: Bridge) -> None:
    printing = "import sys; print(open(sys.argv[1]).read())"
    command = f"{shlex.join([sys.executable, '-c', printing])} {{path}} {{id}}"
    then = (await bridge.benchmark()).source
    original = await bridge.get(await bridge.request())
    await state_machine.request_stop(bridge.db, original.id)
    await upsert_benchmark(bridge.db, f"{then}# changed since\n")
    for use_current_revision in (True, False):
        rerun, created = await execution_requests.rerun_execution(
            bridge.db, bridge.config, original, use_current_revision=use_current_revision
        )
        assert created and rerun.rerun_of == original.id
        worker = bridge.worker("unused", command=command, result_attempts=1, result_interval_s=0.01)
        await worker.handle(rerun.id)
        handed_on = bridge.output(rerun.id).read_text()
        assert ("# changed since" in handed_on) is use_current_revision
        assert handed_on.startswith(then[:200])


async def test_of_a_batch_each_execution_ends_by_itself(bridge: Bridge) -> None:
    config = replace(bridge.config, agents=("deterministic", "other"))
    batch, _ = await batch_requests.request_batch(
        bridge.db, config, benchmark_ids=["001-sol-transfer"], filter=None, agents=config.agents
    )
    found = await listing.executions(
        bridge.db, ExecutionFilter(batch_ids=(batch.id,)), ExecutionBounds(limit=10)
    )
    first, second = found.items
    await bridge.worker("exit0-no-file", result_attempts=1, result_interval_s=0.01).handle(first.id)
    await bridge.worker("ok").handle(second.id)
    progress = (await progress_of(bridge.db, [batch.id]))[batch.id]
    assert {status for status, count in progress.counts.items() if count} == {
        (await bridge.get(first.id)).status,
        ExecutionStatus.SUCCEEDED,
    }
    assert (await bridge.get(first.id)).status is ExecutionStatus.FAILED
    assert progress.ended == batch.size == 2
