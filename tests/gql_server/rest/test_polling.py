"""Polls: one statement or none, never an older state after a newer one; and who may ask what."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gql_server.rest import remembered
from gql_server.rest.remembered import RememberedAnswers, Tagged
from store import api_tokens
from store.api_tokens import Scope
from store.executions import state_machine
from store.live.events import LoggedEvent
from store.live.hub import Hub
from store.model import ExecutionId
from store.postgres.database import Database
from tests.helpers.patience import eventually, until
from tests.helpers.rest import RestClient
from tests.helpers.site import MakeSite
from tests.helpers.stored_rows import append, ending, queued, running

LOGS = ("/execution-logs/bench", "/transaction-logs/bench", "/benchmarks/bench/status")
ORIGIN = "https://old.example.org"
KEY = "sk-canary-0123456789abcdef"


def polls_of(execution_id: ExecutionId) -> list[str]:
    named = [f"{path}?execution_id={execution_id}" for path in LOGS[:2]]
    return [f"/benchmarks/bench/status/{execution_id}", *named, *LOGS]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Fills with the statements of requests; what the hub reads now and then is not among them."""
    found: list[str] = []

    def noting(method: Any) -> Any:
        async def note(db: Database, statement: str, *arguments: object, **limits: float) -> Any:
            task = asyncio.current_task()
            if task is not None and not task.get_name().startswith("log of"):
                found.append(statement)
            return await method(db, statement, *arguments, **limits)

        return note

    for name in ("fetch", "fetchrow", "fetchval", "execute"):
        monkeypatch.setattr(Database, name, noting(getattr(Database, name)))
    return found


async def test_a_poll_is_one_statement_and_none_while_nothing_changes(
    make_site: MakeSite, hub: Hub, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "REMEMBER_S", 3600)
    monkeypatch.setattr(remembered, "TRUSTED_LAG_S", 3600)
    rest = await RestClient.of(await make_site(rest=True))
    read = list[LoggedEvent]()
    hub.observe(lambda items: read.extend(items or ()))
    execution_id = await running(rest.site.db)
    # Queued, and running: no event of before comes between.
    await until(lambda: sum(item.event.execution_id == execution_id for item in read) == 2)
    tags = {}
    for path in polls_of(execution_id):
        sent.clear()
        tags[path] = (await rest.get(path)).headers["ETag"]
        assert len(sent) == 1, path
        same = await rest.get(path, If_None_Match=f'"x", W/{tags[path]}')
        assert (same.status, same.body, same.headers["ETag"]) == (304, None, tags[path])
        assert (await rest.get(path, If_None_Match='"x"')).status == 200
        assert len(sent) == 1, path
    for path in ("/benchmarks", "/benchmarks/bench", "/agents", "/agent-performance", "/flow-logs/bench"):
        tag = (await rest.get(path)).headers["ETag"]
        assert (await rest.get(path, If_None_Match=tag)).status == 304
    async with rest.site.client.head(f"{rest.site.base}/api/v1/benchmarks") as response:
        assert response.status == 200 and int(response.headers["Content-Length"]) > 2
    await append(rest.site.db, execution_id, 1)
    path = f"/execution-logs/bench?execution_id={execution_id}"

    async def has_changed() -> bool:
        return (await rest.get(path, If_None_Match=tags[path])).status == 200

    await eventually(has_changed)
    # Without news from the log of events nothing is answered from memory.
    monkeypatch.setattr(remembered, "TRUSTED_LAG_S", -1)
    sent.clear()
    await rest.get(path)
    await rest.get(path)
    assert len(sent) == 2


async def test_nobody_is_told_an_older_state_after_a_newer_one(db: Database, hub: Hub) -> None:
    """The hub reads an event a moment after its commit; until then what was read directly counts."""
    answers = RememberedAnswers(hub)
    execution_id = await running(db)
    before = await state_machine.get(db, execution_id)
    assert await state_machine.finish(db, execution_id, ending()) is not None
    after = await state_machine.get(db, execution_id)
    assert before is not None and after is not None
    old, new = Tagged(b"running"), Tagged(b"ended")
    with answers.reading("bench") as first:
        answers.keep("/logs of the newest", first, old, before)
    assert answers.get("/logs of the newest") is old
    with answers.reading(execution_id) as second:
        answers.keep("/status", second, new, after)
    assert answers.get("/status") is new
    assert answers.get("/logs of the newest") is None
    # One that was read before, and comes later, is not kept.
    with answers.reading("bench") as first, answers.reading(execution_id) as second:
        answers.keep("/status", second, new, after)
        answers.keep("/logs of the newest", first, old, before)
    assert answers.get("/logs of the newest") is None
    # An event that comes while the database is asked.
    with answers.reading("bench") as reading:
        answers.forget("bench")
        answers.keep("/status of bench", reading, old, before)
    assert answers.get("/status of bench") is None


async def test_what_is_remembered_is_bounded(db: Database, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST_BYTES", 50_000)
    monkeypatch.setattr(remembered, "LARGEST", 10_000)
    answers = RememberedAnswers(hub)
    execution = await queued(db)
    for number in range(100):
        with answers.reading(f"benchmark {number}") as reading:
            answers.keep(f"/{number}", reading, Tagged(b"x" * 4_000), execution)
    kept = [number for number in range(100) if answers.get(f"/{number}")]
    assert kept == list(range(100 - len(kept), 100)) and 5 <= len(kept) <= 12
    with answers.reading("large") as reading:
        answers.keep("/large", reading, Tagged(b"x" * 20_000), execution)
    assert answers.get("/large") is None
    monkeypatch.setattr(remembered, "REMEMBER_S", -1)
    with answers.reading("old") as reading:
        answers.keep("/old", reading, Tagged(b"x"), execution)
    assert answers.get("/old") is None


async def test_pages_of_named_origins_are_answered_and_no_others(make_site: MakeSite) -> None:
    rest = await RestClient.of(await make_site(rest=True, allowed_origins=ORIGIN))
    execution = await queued(rest.site.db)
    path = f"{rest.site.base}/api/v1/benchmarks/bench/status/{execution.id}"
    preflight = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "content-type",
    }
    async with rest.site.client.options(path, headers=preflight) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
        allowed = response.headers["Access-Control-Allow-Headers"]
        assert {"Content-Type", "Idempotency-Key"} <= set(allowed.split(", "))
    for known in ({}, {"If_None_Match": "*"}):
        answer = await rest.ask("GET", path.partition("/api/v1")[2], None, {"Origin": ORIGIN, **known})
        assert answer.status == (304 if known else 200)
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.headers["Vary"] == "Origin" and answer.headers["X-Content-Type-Options"] == "nosniff"
    own = await rest.get("/benchmarks", Origin=rest.site.base)
    assert own.status == 200 and "Access-Control-Allow-Origin" not in own.headers
    for headers in (
        {"Origin": "https://evil.example.org"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ):
        refused = await rest.get("/benchmarks", **headers)
        assert (refused.status, refused.body["error"]) == (403, "FORBIDDEN")
        assert "Access-Control-Allow-Origin" not in refused.headers
        assert (await rest.post("/benchmarks/bench/run", {"agent": "deterministic"}, **headers)).status == 403
    wrong = await rest.get("/benchmarks", Host="evil.example.org")
    assert (wrong.status, wrong.body["error"]) == (421, "MISDIRECTED_REQUEST")
    assert await rest.site.executions() == 1


async def test_each_scope_may_do_its_part(make_site: MakeSite, tmp_path: Path) -> None:
    rest = await RestClient.of(await make_site(rest=True, require_token=True, data_dir=tmp_path / "data"))
    await queued(rest.site.db)
    shown = {}
    for scope in Scope:
        secret = api_tokens.new_secret()
        assert await api_tokens.create(rest.site.db, scope.name, scope, secret)
        shown[scope] = {"Authorization": f"Bearer {secret}"}
    config = {"agent_type": "local", "api_url": "http://127.0.0.1:9/v1", "api_key": KEY}
    assert (await rest.get("/benchmarks")).status == 401
    for scope, status in ((Scope.READ, 403), (Scope.RUN, 403), (Scope.ADMIN, 200)):
        assert (await rest.post("/agents/config", config, **shown[scope])).status == status
    masked = {
        scope: (await rest.get("/agents/config/local", **shown[scope])).body["api_key"] for scope in Scope
    }
    assert masked == {Scope.READ: "***", Scope.RUN: "***", Scope.ADMIN: f"***{KEY[-4:]}"}
    run = "/benchmarks/bench/run"
    assert (await rest.post(run, {"agent": "local"}, **shown[Scope.READ])).status == 403
    # What the page sends back as it was shown changes nothing; a change needs the scope of a change.
    same = {"agent": "local", "config": {**config, "api_key": "***"}}
    assert (await rest.post(run, same, **shown[Scope.RUN])).status == 200
    for change in ({"api_key": "sk-other-0123456789"}, {"api_url": "http://127.0.0.1:10/v1"}, {"model": "m"}):
        body = {"agent": "local", "config": {**config, "api_key": "***", **change}}
        assert (await rest.post(run, body, **shown[Scope.RUN])).status == 403
    changed = {"agent": "local", "config": {**config, "model": "another"}}
    assert (await rest.post(run, changed, **shown[Scope.ADMIN])).status == 200
    assert (await rest.get("/agents/config/local", **shown[Scope.READ])).body["model"] == "another"
