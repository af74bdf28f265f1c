"""What is our fault is told by an id only: no SQL, path, address of a database or trace leaves the server."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from runner_bridge.log_context import FIELDS
from schema.loading.json_loads import ExecutionById
from schema.loading.loaders import Loaders
from store.postgres.database import Database
from tests.helpers.site import Site

UNKNOWN = "00000000-0000-0000-0000-000000000000"
DOCUMENT = "query ($id: ID!) { execution(id: $id) { id } }"
CANARY = "canary-password-0123456789"

FAULTS: dict[str, Exception] = {
    "a bug": RuntimeError(f"postgres://u:{CANARY}@db/x at /srv/secret/file.py"),
    "a key that is missing": KeyError(CANARY),
    "an error of the driver": asyncpg.UndefinedColumnError(f'column "{CANARY}" does not exist'),
    "an error of the system": OSError(2, f"No such file: /srv/{CANARY}"),
    "a refusal of a value": ValueError(CANARY),
}


def look_up(monkeypatch: pytest.MonkeyPatch, ask: Callable[..., Any]) -> None:
    """An execution is looked up with `ask`, as JSON or as a row."""
    monkeypatch.setattr(ExecutionById, "ask", ask)
    monkeypatch.setattr(vars(Loaders)["execution"], "_load", ask)


def internal_errors(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.message == "internal_error"]


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    found: dict[str, object] = vars(record)[FIELDS]
    return found


@pytest.mark.parametrize("name", list(FAULTS))
async def test_our_faults_are_masked_with_an_id_that_is_in_the_log(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise FAULTS[name]

    look_up(monkeypatch, fail)
    status, answer = await site.post(DOCUMENT, {"id": UNKNOWN})
    assert status == 200
    (error,) = answer["errors"]
    assert error["message"] == "Internal error"
    assert error["extensions"]["code"] == "INTERNAL"
    assert CANARY not in json.dumps(answer)
    (record,) = internal_errors(caplog)
    assert fields_of(record)["error_id"] == error["extensions"]["errorId"]
    assert CANARY in str(record.exc_info)


async def test_a_statement_that_fails_tells_nothing_of_itself(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*given: object) -> Any:
        (db,) = (one for one in given if isinstance(one, Database))
        await db.fetch("SELECT 'canary-password-0123456789'::integer")

    look_up(monkeypatch, fail)
    _, answer = await site.post(DOCUMENT, {"id": UNKNOWN})
    text = json.dumps(answer)
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"
    for word in (CANARY, "SELECT", "integer", "syntax"):
        assert word not in text


async def test_a_fault_outside_of_any_field_is_masked_too(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr("gql_server.operations.engine.Engine.operation", fail)
    status, answer = await site.post(DOCUMENT)
    async with site.client.ws_connect(f"{site.base}/graphql", protocols=("graphql-transport-ws",)) as socket:
        await socket.send_json({"type": "connection_init"})
        await socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": DOCUMENT}})
        await socket.receive_json()
        refused = await socket.receive_json()
    assert (status, answer["errors"][0]["extensions"]["code"]) == (500, "INTERNAL")
    assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == ("error", "INTERNAL")
    assert CANARY not in json.dumps([answer, refused])
    assert len(internal_errors(caplog)) == 2
