"""graphql-transport-ws, message by message: what closes a socket and with which code, and what does not."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from gql_server.documents.document_cache import Operation
from gql_server.operations.engine import Engine
from gql_server.operations.request import GraphQLRequest
from gql_server.ws import connection
from gql_server.ws.connection import MAX_OPERATIONS, MESSAGES_AT_ONCE
from gql_server.ws.endpoint import MAX_MESSAGE_BYTES
from gql_server.ws.messages import MAX_ID_CHARS, MAX_REASON_BYTES, close_reason
from runner_bridge.log_context import FIELDS
from store.live.hub import Hub
from store.postgres.database import Database
from tests.helpers.patience import until
from tests.helpers.samples import TRANSFER
from tests.helpers.site import MakeSite, Site

UNKNOWN = "00000000-0000-0000-0000-000000000000"
WATCH = "subscription { executionUpdates { cursor } }"
HEALTH = "{ health { status } }"
Socket = aiohttp.ClientWebSocketResponse


@asynccontextmanager
async def opened(site: Site, *protocols: str) -> AsyncIterator[Socket]:
    names = protocols or ("graphql-transport-ws",)
    async with site.client.ws_connect(f"{site.base}/graphql", protocols=names) as socket:
        yield socket


@asynccontextmanager
async def connected(site: Site) -> AsyncIterator[Socket]:
    async with opened(site) as socket:
        await socket.send_json({"type": "connection_init"})
        assert await socket.receive_json() == {"type": "connection_ack"}
        yield socket


async def subscribe(socket: Socket, query: str, id_: str = "1") -> Any:
    """The first answer to an operation."""
    await socket.send_json({"type": "subscribe", "id": id_, "payload": {"query": query}})
    return await socket.receive_json()


async def closed(socket: Socket) -> int | None:
    """The code with which the server closes the socket."""
    async for _ in socket:
        pass
    return socket.close_code


async def still_works(socket: Socket) -> bool:
    await socket.send_json({"type": "ping", "payload": {"still": "there"}})
    while (message := await socket.receive_json())["type"] != "pong":
        pass
    return bool(message["payload"] == {"still": "there"})


NO_MESSAGES = [
    *(
        "[]",
        "null",
        "5",
        '"x"',
        "{",
        "{}",
        "",
        "true",
        '{"type": "nothing"}',
        '{"type": null}',
        '{"type": []}',
    ),
    *('{"type": "ping", "payload": 5}', '{"type": "pong", "payload": []}', '{"type": "PING"}', "\u0000"),
    *('{"type": "connection_ack"}', '{"type": "next", "id": "1"}', '{"type": "complete"}', "[" * 100_000),
    *(
        '{"type": "connection_init", "payload": "x"}',
        '{"type": "complete", "id": 5}',
        '{"type": "ping", "a": NaN}',
    ),
    *(
        '{"type": "subscribe"}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "1", "payload": []}',
    ),
    *(
        '{"type": "subscribe", "id": "1", "payload": {}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
    ),
    '{"type": "subscribe", "id": "", "payload": {"query": "{ __typename }"}}',
    '{"type": "subscribe", "id": 1, "payload": {"query": "{ __typename }"}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "variables": []}}',
    json.dumps({"type": "subscribe", "id": "x" * (MAX_ID_CHARS + 1), "payload": {"query": "{ __typename }"}}),
]


async def test_a_frame_that_is_no_message_closes_its_socket_and_no_other(site: Site) -> None:
    async with connected(site) as bystander:
        for frame in NO_MESSAGES:
            async with connected(site) as socket:
                await socket.send_str(frame)
                assert await closed(socket) == 4400, frame[:80]
        async with connected(site) as socket:
            await socket.send_bytes(b'{"type": "ping"}')
            assert await closed(socket) == 4400
        async with connected(site) as socket:
            await socket.send_frame(b"\xff\xfe", aiohttp.WSMsgType.TEXT)
            assert await closed(socket) == 1007
        async with connected(site) as socket:
            await socket.send_str(" " * (MAX_MESSAGE_BYTES + 1))
            assert await closed(socket) == 1009
        assert await still_works(bystander)


async def test_frames_of_any_bytes_are_answered_by_the_protocol(site: Site) -> None:
    """Messages with parts replaced by others: the socket goes on, or is closed with a code that says why."""
    dice = random.Random(20261124)
    parts: list[Any] = [
        None,
        True,
        -1,
        2**70,
        "",
        "1",
        "\u0000",
        [],
        {},
        {"query": HEALTH},
        {"query": WATCH},
        "ping",
    ]
    kinds = ["connection_init", "ping", "pong", "subscribe", "complete", "next", "error", None, 5]
    async with connected(site) as bystander:
        for _ in range(60):
            async with connected(site) as socket:
                for _ in range(5):
                    fields = {"type": dice.choice(kinds)}
                    fields |= {key: dice.choice(parts) for key in ("id", "payload") if dice.random() < 0.8}
                    text = json.dumps(fields)
                    if dice.random() < 0.3:
                        place = dice.randrange(len(text))
                        text = text[:place] + dice.choice('{}[]",:x0') + text[place + 1 :]
                    try:
                        await socket.send_str(text)
                    except ConnectionError:
                        break
                code = None if dice.random() < 0.5 and not socket.closed else await _code_after(socket)
                assert code in (None, 4400, 4409, 4429, 1000), code
        assert await still_works(bystander)


async def _code_after(socket: Socket) -> int | None:
    """Ends with a message that is certainly none."""
    try:
        await socket.send_str("end")
    except ConnectionError:
        pass
    return await closed(socket)


async def test_the_close_codes_of_the_handshake(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for frame in ({"type": "subscribe", "id": "1", "payload": {"query": HEALTH}},):
        async with opened(site) as socket:
            await socket.send_json(frame)
            assert await closed(socket) == 4401
    async with connected(site) as socket:
        await socket.send_json({"type": "connection_init"})
        assert await closed(socket) == 4429
    for protocols in (("graphql-ws",), ("nothing",)):
        async with opened(site, *protocols) as socket:
            assert await closed(socket) == 4406
    async with site.client.ws_connect(f"{site.base}/graphql") as socket:
        assert await closed(socket) == 4406
    async with opened(site, "graphql-ws", "graphql-transport-ws") as socket:
        assert socket.protocol == "graphql-transport-ws"
    monkeypatch.setattr(connection, "CONNECTION_INIT_S", 0.05)
    async with opened(site) as socket:
        await socket.send_json({"type": "ping"})
        assert (await socket.receive_json())["type"] == "pong"
        assert await closed(socket) == 4408
    async with connected(site) as socket:
        assert await still_works(socket)


async def test_payloads_may_be_null_or_missing(site: Site) -> None:
    payloads: list[dict[str, Any]] = [
        {},
        {"payload": None},
        {"payload": {}},
        {"payload": {"Authorization": "of no use here"}},
    ]
    for payload in payloads:
        async with opened(site) as socket:
            await socket.send_json({"type": "connection_init", **payload})
            assert (await socket.receive_json())["type"] == "connection_ack"
            await socket.send_json({"type": "ping", **payload})
            answer = {"type": "pong"} | (
                {"payload": payload["payload"]} if payload.get("payload") is not None else {}
            )
            assert await socket.receive_json() == answer
            await socket.send_json({"type": "pong", **payload})
            assert await still_works(socket)


async def test_an_id_in_use_closes_the_socket_and_a_used_one_may_be_used_again(site: Site) -> None:
    async with connected(site) as socket:
        for _ in range(2):
            assert (await subscribe(socket, HEALTH, "same"))["type"] == "next"
            assert await socket.receive_json() == {"type": "complete", "id": "same"}
        assert (await subscribe(socket, WATCH, "same"))["type"] == "next"
        await socket.send_json({"type": "complete", "id": "same"})
        assert (await subscribe(socket, WATCH, "same"))["type"] == "next"
        await socket.send_json({"type": "subscribe", "id": "same", "payload": {"query": WATCH}})
        assert await closed(socket) == 4409


async def test_what_is_wrong_with_an_operation_ends_that_one_only(site: Site) -> None:
    unknown = f'subscription {{ executionEvents(executionId: "{UNKNOWN}") {{ seq }} }}'
    async with connected(site) as socket:
        assert (await subscribe(socket, WATCH, "bystander"))["type"] == "next"
        for document, code in (
            ("{", "GRAPHQL_PARSE_FAILED"),
            ("{ noSuchField }", "GRAPHQL_VALIDATION_FAILED"),
            ("subscription { noSuchField }", "GRAPHQL_VALIDATION_FAILED"),
            ("query A { __typename } query B { __typename }", "OPERATION_RESOLUTION_FAILURE"),
            ("query ($id: ID!) { execution(id: $id) { id } }", "BAD_USER_INPUT"),
            ("subscription ($id: ID!) { executionEvents(executionId: $id) { seq } }", "BAD_USER_INPUT"),
            ("{" + "a: __typename " * 2000 + "}", "LIMIT_EXCEEDED"),
            (unknown, "EXECUTION_NOT_FOUND"),
        ):
            answer = await subscribe(socket, document, "2")
            assert (answer["type"], answer["id"]) == ("error", "2")
            assert [error["extensions"]["code"] for error in answer["payload"]] == [code]
        assert await still_works(socket)
        assert (await subscribe(socket, HEALTH, "2"))["payload"]["data"]["health"]["status"] == "OK"


async def test_complete_ends_the_source_and_nothing_else_of_the_socket(site: Site, hub: Hub) -> None:
    async with connected(site) as socket:
        assert (await subscribe(socket, WATCH))["type"] == "next"
        await until(lambda: hub.followers == 1)
        await socket.send_json({"type": "complete", "id": "never used"})
        await socket.send_json({"type": "complete", "id": "1"})
        await until(lambda: hub.followers == 0)
        assert await still_works(socket)


async def test_a_socket_carries_so_many_operations_and_refuses_the_next_one(site: Site) -> None:
    async with connected(site) as socket:
        for number in range(MAX_OPERATIONS):
            assert (await subscribe(socket, WATCH, str(number)))["type"] == "next"
        answer = await subscribe(socket, WATCH, "one more")
        assert (answer["type"], answer["id"]) == ("error", "one more")
        assert answer["payload"][0]["extensions"]["code"] == "TOO_MANY_OPERATIONS"
        await socket.send_json({"type": "complete", "id": "0"})
        assert (await subscribe(socket, WATCH, "one more"))["type"] == "next"


async def test_a_flood_of_messages_is_refused(site: Site) -> None:
    async with connected(site) as bystander, connected(site) as socket:
        for _ in range(3 * MESSAGES_AT_ONCE):
            try:
                await socket.send_str('{"type": "pong"}')
            except ConnectionError:
                break
        assert await closed(socket) == 1008
        assert await still_works(bystander)


async def test_documents_that_come_at_once_are_prepared_one_at_a_time(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two of them everything else goes on, such as health checks."""
    loop, turns, prepare, prepared_at = asyncio.get_running_loop(), 0, Engine.operation, []

    def count() -> None:
        nonlocal turns
        turns += 1
        loop.call_soon(count)

    def noted(self: Engine, request: GraphQLRequest) -> Operation:
        prepared_at.append(turns)
        return prepare(self, request)

    monkeypatch.setattr(Engine, "operation", noted)
    loop.call_soon(count)
    async with connected(site) as socket:
        for number in range(20):
            payload = {"query": f"{{ a{number}: health {{ status }} }}"}
            await socket.send_json({"type": "subscribe", "id": f"{number}", "payload": payload})
        ended: set[str] = set()
        while len(ended) < 20:
            if (answer := await socket.receive_json())["type"] == "complete":
                ended.add(answer["id"])
    assert len(prepared_at) == len(set(prepared_at)) == 20


async def test_a_client_that_answers_no_ping_is_gone(make_site: MakeSite) -> None:
    site = await make_site(heartbeat_s=0.1)
    async with site.client.ws_connect(
        f"{site.base}/graphql", protocols=("graphql-transport-ws",), autoping=False
    ) as socket:
        await socket.send_json({"type": "connection_init"})
        await until(lambda: site.open_streams == 0)


async def test_a_client_that_answers_pings_stays_and_its_own_are_answered(make_site: MakeSite) -> None:
    site = await make_site(heartbeat_s=0.1)
    async with site.client.ws_connect(
        f"{site.base}/graphql", protocols=("graphql-transport-ws",), autoping=False
    ) as socket:
        for _ in range(5):
            asked = await socket.receive()
            assert asked.type is aiohttp.WSMsgType.PING
            await socket.pong(asked.data)
        await socket.ping(b"and you?")
        while (answer := await socket.receive()).type is aiohttp.WSMsgType.PING:
            await socket.pong(answer.data)
        assert (answer.type, answer.data) == (aiohttp.WSMsgType.PONG, b"and you?")
        assert site.open_streams == 1


async def test_a_reader_that_never_reads_is_cut_off_and_disturbs_nobody(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SEND_TIMEOUT_S", 0.3)

    async def large(*_: Any) -> bytes:
        return b"x" * 1_000_000

    async with connected(site) as bystander, connected(site) as socket:
        assert site.open_streams == 2
        with monkeypatch.context() as answering:
            answering.setattr(Engine, "payload", large)
            # Nobody calls receive: the client's buffers fill, then the server's.
            for number in range(30):
                await socket.send_json({"type": "subscribe", "id": f"{number}", "payload": {"query": HEALTH}})
            await until(lambda: site.open_streams == 1)
        assert await still_works(bystander)


async def test_a_vanished_client_leaves_nothing(site: Site) -> None:
    async with connected(site) as socket:
        assert (await subscribe(socket, WATCH))["type"] == "next"
        transport = socket.get_extra_info("socket")
        assert transport is not None and site.open_streams == 1
        socket._response.connection.transport.abort()  # type: ignore[union-attr]
        await until(lambda: site.open_streams == 0)


async def test_messages_are_not_compressed(site: Site) -> None:
    async with site.client.ws_connect(
        f"{site.base}/graphql", protocols=("graphql-transport-ws",), compress=15
    ) as socket:
        assert not socket.compress


async def test_each_operation_of_a_socket_sees_what_the_former_one_wrote(site: Site) -> None:
    seen = []
    async with connected(site) as socket:
        for tag in ("first", "second"):
            source = TRANSFER.format(id="b").replace("system,", f"{tag},")
            mutation = f"""mutation {{ upsertBenchmark(input: {{source: {json.dumps(source)}}}) {{
                ... on UpsertBenchmarkSuccess {{ benchmark {{ tags }} }} }} }}"""
            answer = await subscribe(socket, mutation, tag)
            seen.append(answer["payload"]["data"]["upsertBenchmark"]["benchmark"]["tags"][0])
            assert (await socket.receive_json())["type"] == "complete"
    assert seen == ["first", "second"]


@pytest.mark.parametrize(
    "field", ["execution(id: {id}) {{ id }}", "executionEvents(executionId: {id}) {{ seq }}"]
)
async def test_our_faults_are_masked_over_websockets_too(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, field: str
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("canary: /etc/secret password=hunter2")

    for name in ("fetch", "fetchrow", "fetchval"):
        monkeypatch.setattr(Database, name, fail)
    kind = "subscription" if "Events" in field else "query"
    query = f"{kind} {{ {field.format(id=json.dumps(UNKNOWN))} }}"
    async with connected(site) as socket:
        text = json.dumps(await subscribe(socket, query))
    assert '"INTERNAL"' in text and "Internal error" in text
    assert "canary" not in text
    (record,) = [record for record in caplog.records if record.message == "internal_error"]
    assert vars(record)[FIELDS]["error_id"] in text


def test_reasons_fit_into_a_close_frame() -> None:
    for reason in ("short", "é" * 200, "x" * 122 + "😀", "😀" * 100):
        cut = close_reason(reason)
        assert len(cut) <= MAX_REASON_BYTES
        assert reason.startswith(cut.decode())
