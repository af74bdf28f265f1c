"""Every log record about an execution has its id, and none has an API key."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator

import pytest

from gql_server.process.logs import configure_logging
from runner_bridge import log_context
from runner_bridge.agents import configurations
from runner_bridge.agents.configurations import ConfigurationChange
from runner_bridge.launchers.start_runner import Order
from store.executions import state_machine
from store.model import ExecutionStatus
from tests.helpers.bridge import Bridge

CANARY = 'canary-key/of+an"agent\\0123456789'


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    ours = {name: logging.getLogger(name).level for name in ("runner_bridge", "store")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in ours.items():
        logging.getLogger(name).setLevel(before)


Records = list[dict[str, str]]


def configure() -> None:
    """As the server does it, with all our records of every level."""
    configure_logging("warning", "json")
    for name in ("runner_bridge", "store"):
        logging.getLogger(name).setLevel(logging.DEBUG)


def records(capsys: pytest.CaptureFixture[str]) -> Records:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def of_ours(found: Records) -> Records:
    return [record for record in found if record["logger"].split(".")[0] in ("runner_bridge", "store")]


@pytest.mark.parametrize("mode", ["foreign-tools", "ok", "hang"])
async def test_every_record_about_an_execution_carries_its_id_and_the_workers(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    configure()
    finish, failures = state_machine.finish, iter([OSError("first try")])

    async def finish_at_the_second_try(*arguments: object, **options: object) -> object:
        for error in failures:
            raise executions_unavailable(error)
        return await finish(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(state_machine, "finish", finish_at_the_second_try)
    execution_id = await bridge.request(timeout_ms=300 if mode == "hang" else 600_000)
    worker = bridge.worker(mode)
    await worker.handle(execution_id)
    found = of_ours(records(capsys))
    assert any("does not take a write" in record["event"] for record in found)
    assert {(record.get("execution_id"), record.get("worker_id")) for record in found} == {
        (str(execution_id), str(worker.id))
    }


def executions_unavailable(error: OSError) -> Exception:
    from store.postgres.driver_errors import unavailable

    return unavailable("postgresql://host/database", error)


async def test_executions_at_the_same_time_are_not_mixed_up(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure()

    def failing(*arguments: object) -> None:
        raise RuntimeError("no runner today")

    monkeypatch.setattr("runner_bridge.launchers.local_launcher.start_runner", failing)
    ids = [await bridge.request() for _ in range(4)]
    await asyncio.gather(*(bridge.worker("ok").handle(each) for each in ids))
    found = [record for record in of_ours(records(capsys)) if "supervising" in record["event"]]
    assert len(found) == 4
    assert all(record["execution_id"] in record["event"] for record in found)
    assert {record["execution_id"] for record in found} == set(map(str, ids))


async def test_what_is_started_for_all_carries_the_id_of_none(capsys: pytest.CaptureFixture[str]) -> None:
    configure()

    async def say(text: str) -> None:
        logging.getLogger("store").warning(text)

    with log_context.about(execution_id="one"):
        logging.getLogger("asyncpg.pool").warning("driver")
        await asyncio.create_task(say("own"))
        await asyncio.create_task(say("shared"), context=log_context.unrelated())
    logging.getLogger("store").warning("after")
    assert [(record["event"], record.get("execution_id")) for record in records(capsys)] == [
        ("driver", None),
        ("own", "one"),
        ("shared", None),
        ("after", None),
    ]


async def test_an_api_key_that_passes_through_is_in_no_record(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even when a fault puts the whole environment into an exception's text."""
    configure()
    change = ConfigurationChange(agent="local", api_url="http://127.0.0.1:9/v1", api_key=CANARY)
    await configurations.save(bridge.db, bridge.config, change)
    monkeypatch.setattr(log_context, "SECRETS", log_context.HiddenSecrets())

    def careless(config: object, order: Order) -> None:
        logging.getLogger("runner_bridge").warning("starting with %s and %r", order.environment, CANARY)
        raise RuntimeError(f"cannot start with {order.environment} or {CANARY}")

    monkeypatch.setattr("runner_bridge.launchers.local_launcher.start_runner", careless)
    execution_id = await bridge.request(agent="local")
    await bridge.worker("ok").handle(execution_id)
    text = capsys.readouterr().err
    assert "cannot start with" in text
    assert "***" in text
    for form in (CANARY, json.dumps(CANARY)[1:-1], json.dumps(json.dumps(CANARY)[1:-1])[1:-1]):
        assert form not in text
    assert (await bridge.get(execution_id)).status is ExecutionStatus.LOST
