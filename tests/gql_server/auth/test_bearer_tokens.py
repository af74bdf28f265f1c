"""Tokens: who is let in, how far each scope goes, and how a token ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from strawberry.permission import PermissionExtension
from strawberry.types import get_object_definition

from gql_server.auth import bearer_tokens, throttle
from gql_server.auth.bearer_tokens import CONFIGURED, Authenticator
from gql_server.process import application
from gql_server.responses.errors import BadRequest
from schema import Mutation
from schema.contract.permissions import LOCAL, CanAdmin, CanRun
from store import api_tokens
from store.api_tokens import Scope
from store.postgres.database import Database
from tests.helpers.command_line import cli
from tests.helpers.patience import until
from tests.helpers.site import MakeSite, Site

RUN = 'mutation { runBenchmark(input: {benchmarkId: "none"}) { __typename } }'
SYNC = "mutation { syncBenchmarks { __typename } }"
READ = "{ health { status } }"
WATCH = "subscription { executionUpdates { cursor } }"
CONFIGURED_TOKEN = "canary-token-0123456789"


async def made(db: Database, scope: Scope, name: str = "a") -> dict[str, str]:
    """The headers of who has a new token."""
    secret = api_tokens.new_secret()
    assert await api_tokens.create(db, name, scope, secret)
    return {"Authorization": f"Bearer {secret}"}


async def outcome(site: Site, document: str, headers: dict[str, str]) -> str:
    """The status when it is not 200, else the code of the first error, else OK."""
    status, answer = await site.post(document, headers=headers)
    if status != 200:
        return str(status)
    return str(answer["errors"][0]["extensions"]["code"]) if "errors" in answer else "OK"


async def over_socket(site: Site, document: str, headers: dict[str, str]) -> str:
    async with site.client.ws_connect(f"{site.base}/graphql", protocols=("graphql-transport-ws",)) as socket:
        await socket.send_json({"type": "connection_init", "payload": headers})
        await socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": document}})
        async for message in socket:
            answer = message.json()
            if answer["type"] == "next":
                errors = answer["payload"].get("errors")
                return str(errors[0]["extensions"]["code"]) if errors else "OK"
        return str(socket.close_code)


async def test_each_scope_goes_so_far_and_no_further(make_site: MakeSite) -> None:
    site = await make_site(require_token=True)
    expected = {
        Scope.READ: {READ: "OK", WATCH: "OK", RUN: "FORBIDDEN", SYNC: "FORBIDDEN"},
        Scope.RUN: {READ: "OK", WATCH: "OK", RUN: "OK", SYNC: "FORBIDDEN"},
        Scope.ADMIN: {READ: "OK", WATCH: "OK", RUN: "OK", SYNC: "OK"},
    }
    for scope, outcomes in expected.items():
        headers = await made(site.db, scope, scope.name)
        for document, wanted in outcomes.items():
            assert await over_socket(site, document, headers) == wanted, (scope, document)
            if document != WATCH:
                assert await outcome(site, document, headers) == wanted, (scope, document)


async def test_everybody_may_ask_who_they_are_and_what_they_may(make_site: MakeSite) -> None:
    site = await make_site()
    asked = "{ viewer { name scope } }"
    assert (await site.post(asked))[1]["data"]["viewer"] == {"name": "local", "scope": "ADMIN"}
    for scope in Scope:
        headers = await made(site.db, scope, f"of-{scope.name}")
        _, answer = await site.post(asked, headers=headers)
        assert answer["data"]["viewer"] == {"name": f"of-{scope.name}", "scope": scope.name}


def test_every_mutation_needs_a_scope() -> None:
    definition = get_object_definition(Mutation, strict=True)
    needed = {
        field.python_name: [
            type(permission)
            for extension in field.extensions
            if isinstance(extension, PermissionExtension)
            for permission in extension.permissions
        ]
        for field in definition.fields
    }
    assert all(classes in ([CanRun], [CanAdmin]) for classes in needed.values()), needed
    assert {name for name, classes in needed.items() if classes == [CanRun]} == {
        *("run_benchmark", "run_benchmarks", "rerun_execution", "stop_execution", "stop_batch"),
        *("rerun_batch", "tag_batch", "tag_executions"),
    }


async def test_without_a_token_nobody_is_let_in_where_one_is_required(make_site: MakeSite) -> None:
    site = await make_site(require_token=True)
    assert await outcome(site, READ, {}) == "401"
    assert await over_socket(site, READ, {}) == "4403"
    async with site.client.get(f"{site.base}/flows/00000000-0000-0000-0000-000000000000") as response:
        assert (response.status, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    stream = {"Accept": "text/event-stream"}
    async with site.client.post(f"{site.base}/graphql", json={"query": WATCH}, headers=stream) as response:
        assert response.status == 401
    for path in ("/healthz", "/"):
        async with site.client.get(f"{site.base}{path}") as response:
            assert response.status == 200


async def test_a_token_in_the_address_is_none(make_site: MakeSite) -> None:
    site = await make_site(token=CONFIGURED_TOKEN)
    for name in ("token", "access_token", "authorization"):
        params = {"query": READ, name: CONFIGURED_TOKEN}
        async with site.client.get(f"{site.base}/graphql", params=params) as response:
            assert response.status == 401


async def test_bytes_that_are_no_text_are_an_unknown_token(site: Site) -> None:
    # aiohttp's client would not send them.
    reader, writer = await asyncio.open_connection("127.0.0.1", int(site.base.rpartition(":")[2]))
    body = b'{"query": "{ health { status } }"}'
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: {site.base.removeprefix('http://')}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nAuthorization: Bearer "
    )
    writer.write(head.encode() + b"\xff\xfe\r\n\r\n" + body)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 401 ")


async def test_a_token_says_how_far_one_goes_where_none_is_required_too(site: Site) -> None:
    assert await outcome(site, SYNC, {}) == "OK"
    assert await outcome(site, SYNC, await made(site.db, Scope.READ)) == "FORBIDDEN"
    assert await outcome(site, READ, {"Authorization": "Bearer unknown"}) == "401"


async def test_a_revoked_token_opens_nothing_and_what_it_had_opened_is_closed(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "RECHECK_S", 0.05)
    monkeypatch.setattr(bearer_tokens, "REMEMBER_S", 0.0)
    site = await make_site(require_token=True)
    kept, gone = await made(site.db, Scope.READ, "kept"), await made(site.db, Scope.READ, "gone")
    url = f"{site.base}/graphql"

    async def watching(headers: dict[str, str]) -> aiohttp.ClientWebSocketResponse:
        socket = await site.client.ws_connect(url, protocols=("graphql-transport-ws",))
        await socket.send_json({"type": "connection_init", "payload": headers})
        await socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": WATCH}})
        assert (await socket.receive_json())["type"] == "connection_ack"
        assert (await socket.receive_json())["type"] == "next"
        return socket

    remaining, closing = await watching(kept), await watching(gone)
    stream = gone | {"Accept": "text/event-stream"}
    async with site.client.post(url, json={"query": WATCH}, headers=stream) as events:
        await events.content.readuntil(b"\n\n")
        assert site.open_streams == 3
        await api_tokens.revoke(site.db, "gone")
        message = await closing.receive()
        assert (closing.close_code, message.extra) == (4403, "Forbidden: the token was revoked")
        await until(lambda: site.open_streams == 1)
        with pytest.raises(aiohttp.ClientError):
            while True:
                await events.content.readuntil(b"\n\n")
                if events.content.at_eof():
                    raise aiohttp.ClientPayloadError
    assert await outcome(site, READ, gone) == "401"
    assert await over_socket(site, READ, gone) == "4403"
    assert await outcome(site, READ, kept) == "OK"
    await remaining.close()
    await closing.close()


async def test_a_token_is_looked_up_once_in_a_while(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    authenticator, headers = Authenticator(db, None, required=True), await made(db, Scope.RUN)
    first = await authenticator.authenticate(headers["Authorization"], "here")
    assert (first.name, first.scope) == ("a", Scope.RUN)
    used = (await api_tokens.list_all(db))[0].last_used_at
    assert used is not None
    await authenticator.authenticate(headers["Authorization"], "here")
    assert (await api_tokens.list_all(db))[0].last_used_at == used
    monkeypatch.setattr(bearer_tokens, "REMEMBER_S", 0.0)
    await api_tokens.revoke(db, "a")
    with pytest.raises(BadRequest):
        await authenticator.authenticate(headers["Authorization"], "here")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """A clock that goes when told."""
    now = [1000.0]
    monkeypatch.setattr(throttle, "time", type("Clock", (), {"monotonic": staticmethod(lambda: now[0])}))
    yield now


async def test_wrong_tokens_wait_longer_each_time_and_lock_nobody_out(
    db: Database, clock: list[float]
) -> None:
    authenticator = Authenticator(db, CONFIGURED_TOKEN)

    async def status(token: str, address: str = "attacker") -> int:
        try:
            assert await authenticator.authenticate(f"Bearer {token}", address) == CONFIGURED
        except BadRequest as error:
            assert error.status != 429 or int(error.headers["Retry-After"]) > 0
            return int(error.status)
        return 200

    assert [await status("wrong") for _ in range(throttle.FREE)] == [401] * throttle.FREE
    assert await status("wrong") == 429
    assert await status("wrong", "elsewhere") == 401
    assert await status(CONFIGURED_TOKEN) == 200, "nobody is locked out by others at the same address"
    stored = (await made(db, Scope.READ))["Authorization"]
    assert (await authenticator.authenticate(stored, "attacker")).name == "a"
    for wait in (1, 2, 4, 8, 16, 32, 60, 60):
        clock[0] += wait - 0.01
        assert await status("wrong") == 429
        clock[0] += 0.02
        assert await status("wrong") == 401
    clock[0] += throttle.FORGET_S + 1
    assert await status(CONFIGURED_TOKEN) == 200


async def test_addresses_that_guess_are_bounded() -> None:
    wrong = throttle.AuthThrottle()
    for number in range(throttle.ADDRESSES + 10):
        wrong.failed(str(number))
    assert len(wrong._of) == throttle.ADDRESSES


@pytest.mark.parametrize(
    ("proxies", "said", "address"),
    [
        ("", "10.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "10.0.0.1", "10.0.0.1"),
        ("127.0.0.1", "1.1.1.1, 10.0.0.1", "10.0.0.1"),
        ("127.0.0.0/8,10.0.0.0/8", "6.6.6.6, 1.1.1.1, 10.0.0.1", "1.1.1.1"),
        ("127.0.0.1", "nonsense", "nonsense"),
        ("192.0.2.1", "10.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
    ],
)
async def test_only_named_proxies_are_believed_about_addresses(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch, proxies: str, said: str, address: str
) -> None:
    seen: list[Any] = []
    authenticate = Authenticator.authenticate

    async def noting(self: Authenticator, authorization: object, address: str) -> Any:
        seen.append(address)
        return await authenticate(self, authorization, address)

    monkeypatch.setattr(Authenticator, "authenticate", noting)
    site = await make_site(trusted_proxies=proxies)
    # Only of who shows something is the address of interest.
    shown = {"Authorization": "Basic eDp5"}
    assert await outcome(site, READ, shown | ({"X-Forwarded-For": said} if said else {})) == "OK"
    assert seen == [address]


async def test_only_the_hash_of_a_token_is_stored(db: Database) -> None:
    secret = api_tokens.new_secret()
    await api_tokens.create(db, "a", Scope.READ, secret)
    row = dict(await db.fetchrow("SELECT * FROM api_tokens"))
    assert secret not in repr(row) and secret.removeprefix(api_tokens.PREFIX) not in repr(row)
    assert len(secret) >= 43 + len(api_tokens.PREFIX)
    assert await api_tokens.create(db, "a", Scope.READ, api_tokens.new_secret()) is None
    assert await api_tokens.revoke(db, "a") and await api_tokens.revoke(db, "a") is None
    assert await api_tokens.create(db, "a", Scope.READ, api_tokens.new_secret())


async def test_a_token_is_made_listed_and_revoked_on_the_command_line(
    database_url: str, db: Database, tmp_path: Path
) -> None:
    settings = {"DATABASE_URL": database_url}
    created = await cli("token", "create", "ci", "--scope", "run", "--json", cwd=tmp_path, **settings)
    assert created.code == 0, created.err
    made = json.loads(created.out)
    assert (made["name"], made["scope"]) == ("ci", "run")
    authenticator = Authenticator(db, None, required=True)
    assert (await authenticator.authenticate(f"Bearer {made['token']}", "here")).scope is Scope.RUN
    again = await cli("token", "create", "ci", cwd=tmp_path, **settings)
    assert (again.code, again.out) == (1, "") and "revoke it first" in again.err
    listed = await cli("token", "list", "--json", cwd=tmp_path, **settings)
    assert made["token"] not in listed.out + listed.err
    assert json.loads(listed.out)["lastUsedAt"] is not None
    revoked = await cli("token", "revoke", "ci", cwd=tmp_path, **settings)
    assert (revoked.code, revoked.out) == (0, "ci is revoked\n")
    again = await cli("token", "revoke", "ci", cwd=tmp_path, **settings)
    assert (again.code, again.out) == (2, "") and "no valid token named 'ci'; there are none" in again.err


async def test_nobody_needs_a_token_on_loopback(db: Database) -> None:
    assert await Authenticator(db, None).authenticate(None, "127.0.0.1") == LOCAL
    assert await Authenticator(db, None).authenticate("Basic abc", "127.0.0.1") == LOCAL
