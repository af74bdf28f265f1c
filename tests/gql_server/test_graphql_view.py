"""/graphql: bad requests are told what is wrong with them, our faults are hidden behind an id."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import structlog

from gql_server.graphql_view import MAX_BODY_BYTES
from gql_server.sockets import MAX_MESSAGE_BYTES
from store import executions
from tests.gql_server.conftest import MakeSite, Site
from tests.samples import TRANSFER

JSON = {"Content-Type": "application/json"}
HEALTH = "{ health { status } }"
UNKNOWN = "00000000-0000-0000-0000-000000000000"


async def raw(site: Site, body: bytes, headers: dict[str, str] = JSON) -> tuple[int, Any]:
    async with site.client.post(f"{site.base}/graphql", data=body, headers=headers) as response:
        return response.status, await response.json(content_type=None)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"null", b"5", b'"x"', b"[]", b'[{"query": "{ health { status } }"}]', b"\xff\xfe{}"),
        *(b"[" * 100_000, b'{"query": 5}', b'{"query": {}}', b'{"query": "{ x", "variables": []}', b"{}"),
        *(b'{"query": "{ health { status } }", "variables": 1}', b'{"query": null}', b'{"query": ""}'),
        *(
            b'{"query": "{health{status}}", "operationName": 3}',
            b'{"query": "{health{status}}", "extensions": 1}',
        ),
        *(b'{"query": "\\ud800"}', b'{"query": "{ health { status } }", "operationName": "other"}'),
        b'{"query": "subscription { executionUpdates { cursor } }"}',
    ],
)
async def test_a_bad_body_is_told_so(site: Site, body: bytes) -> None:
    status, answer = await raw(site, body)
    assert status in (200, 400)
    assert answer["errors"][0]["message"]
    assert "INTERNAL" not in json.dumps(answer)
    assert not answer.get("data")


async def test_too_large_a_body_is_refused(site: Site) -> None:
    async with site.client.post(
        f"{site.base}/graphql", data=io.BytesIO(b" " * (MAX_BODY_BYTES + 1)), headers=JSON
    ) as response:
        assert response.status == 413


@pytest.mark.parametrize("kind", ["text/plain", "application/jsonp", "x-application/json", "", "text/html"])
async def test_other_media_types_are_refused(site: Site, kind: str) -> None:
    status, _ = await raw(site, json.dumps({"query": HEALTH}).encode(), {"Content-Type": kind})
    assert status == 415


async def test_a_charset_is_no_other_media_type(site: Site) -> None:
    body = json.dumps({"query": HEALTH}).encode()
    status, answer = await raw(site, body, {"Content-Type": "Application/JSON; charset=utf-8"})
    assert (status, answer["data"]["health"]["status"]) == (200, "OK")


async def test_queries_by_get_are_a_setting_and_mutations_never_are(make_site: MakeSite) -> None:
    open_site, closed_site = await make_site(), await make_site(queries_by_get=False)
    for site, query, expected in (
        (open_site, HEALTH, 200),
        (closed_site, HEALTH, 400),
        (open_site, "mutation { syncBenchmarks { __typename } }", 400),
    ):
        async with site.client.get(f"{site.base}/graphql", params={"query": query}) as response:
            assert response.status == expected
            assert (await response.json()).get("errors") is None or expected == 400


async def test_answers_are_not_kept_by_caches(site: Site) -> None:
    async with site.client.post(f"{site.base}/graphql", json={"query": HEALTH}) as response:
        assert response.headers["Cache-Control"] == "no-store"


async def test_introspection_is_a_setting(make_site: MakeSite) -> None:
    query = "{ __schema { queryType { name } } }"
    _, open_answer = await (await make_site()).post(query)
    _, closed_answer = await (await make_site(introspection=False)).post(query)
    assert open_answer["data"]["__schema"]["queryType"]["name"] == "Query"
    assert closed_answer["errors"] and not closed_answer.get("data")


async def test_expected_failures_keep_their_message_and_code(site: Site) -> None:
    _, answer = await site.post('{ execution(id: "../../etc/passwd") { id } }')
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "INVALID_ID"
    assert "UUID" in error["message"]


@pytest.fixture
def broken_store(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("canary: /etc/secret password=hunter2")

    for name in ("get", "get_many"):
        monkeypatch.setattr(executions, name, fail)


async def test_our_faults_are_masked_with_an_id_that_is_in_the_log(site: Site, broken_store: None) -> None:
    with structlog.testing.capture_logs() as logs:
        status, answer = await site.post("query ($id: ID!) { execution(id: $id) { id } }", {"id": UNKNOWN})
    assert status == 200
    (error,) = answer["errors"]
    assert error["message"] == "Internal error"
    assert error["extensions"]["code"] == "INTERNAL"
    assert "canary" not in json.dumps(answer)
    (record,) = [record for record in logs if record["event"] == "internal_error"]
    assert record["error_id"] == error["extensions"]["errorId"]
    assert "canary" in str(record["exc_info"])


@asynccontextmanager
async def connected(site: Site) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with site.client.ws_connect(f"{site.base}/graphql", protocols=("graphql-transport-ws",)) as socket:
        await socket.send_json({"type": "connection_init"})
        assert (await socket.receive_json())["type"] == "connection_ack"
        yield socket


async def subscribe(socket: aiohttp.ClientWebSocketResponse, query: str) -> dict[str, Any]:
    """The first answer to an operation."""
    await socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": query}})
    answer: dict[str, Any] = await socket.receive_json()
    return answer


@pytest.mark.parametrize(
    "field", ["execution(id: {id}) {{ id }}", "executionEvents(executionId: {id}) {{ seq }}"]
)
async def test_our_faults_are_masked_over_websockets_too(site: Site, broken_store: None, field: str) -> None:
    kind = "subscription" if "Events" in field else "query"
    query = f"{kind} {{ {field.format(id=json.dumps(UNKNOWN))} }}"
    async with connected(site) as socket:
        answer = await subscribe(socket, query)
    text = json.dumps(answer)
    assert '"INTERNAL"' in text and "Internal error" in text
    assert "canary" not in text


async def test_an_expected_failure_of_a_subscription_keeps_its_code_and_the_socket(site: Site) -> None:
    async with connected(site) as socket:
        query = f'subscription {{ executionEvents(executionId: "{UNKNOWN}") {{ seq }} }}'
        answer = await subscribe(socket, query)
        assert "EXECUTION_NOT_FOUND" in json.dumps(answer)
        await socket.send_json({"type": "ping"})
        kinds = {(await socket.receive_json())["type"] for _ in range(2 if answer["type"] == "next" else 1)}
        assert "pong" in kinds


@pytest.mark.parametrize("frame", ["[]", "null", "5", '"x"', "{", "{}", '{"type": "nothing"}'])
async def test_a_frame_that_is_no_message_closes_the_socket_by_the_protocol(site: Site, frame: str) -> None:
    async with connected(site) as socket:
        await socket.send_str(frame)
        await socket.receive()
        assert socket.close_code == 4400


async def test_too_large_a_frame_closes_the_socket(site: Site) -> None:
    async with connected(site) as socket:
        await socket.send_str(" " * (MAX_MESSAGE_BYTES + 1))
        await socket.receive()
        assert socket.close_code == 1009


async def test_the_legacy_protocol_is_off(site: Site) -> None:
    async with site.client.ws_connect(f"{site.base}/graphql", protocols=("graphql-ws",)) as socket:
        await socket.receive()
        assert socket.close_code == 4406


async def test_messages_are_not_compressed(site: Site) -> None:
    async with site.client.ws_connect(
        f"{site.base}/graphql", protocols=("graphql-transport-ws",), compress=15
    ) as socket:
        assert not socket.compress


async def test_each_operation_of_a_socket_sees_what_the_former_one_wrote(site: Site) -> None:
    seen = []
    async with connected(site) as socket:
        for number, tag in enumerate(("first", "second")):
            source = TRANSFER.format(id="b").replace("system,", f"{tag},")
            mutation = f"""mutation {{ upsertBenchmark(input: {{source: {json.dumps(source)}}}) {{
                ... on UpsertBenchmarkSuccess {{ benchmark {{ tags }} }} }} }}"""
            payload = {"query": mutation}
            await socket.send_json({"type": "subscribe", "id": str(number), "payload": payload})
            answer = await socket.receive_json()
            seen.append(answer["payload"]["data"]["upsertBenchmark"]["benchmark"]["tags"][0])
            assert (await socket.receive_json())["type"] == "complete"
    assert seen == ["first", "second"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": "{ executions(first: 99999999999999999999) { nodes { id } } }"}, "BAD_REQUEST"),
        ({"query": '{ executions(filter: {since: "x"}) { nodes { id } } }'}, "BAD_REQUEST"),
        ({"query": "{ nothing"}, "BAD_REQUEST"),
        ({"query": "{ noSuchField }"}, "BAD_REQUEST"),
        ({"query": "query A { health { status } }", "operationName": "B"}, "BAD_REQUEST"),
        ({}, "BAD_REQUEST"),
        ({"query": "{ executions(first: 10000) { nodes { id } } }"}, "PAGE_SIZE"),
    ],
)
async def test_every_refused_request_has_a_code(site: Site, body: dict[str, object], code: str) -> None:
    async with site.client.post(f"{site.base}/graphql", json=body) as response:
        answer = await response.json()
    assert [error["extensions"]["code"] for error in answer["errors"]] == [code]
