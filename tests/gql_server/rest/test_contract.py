"""Every call of the old server's page and of scripts, and what they need of the answers (docs/rest.md).

The client holds each answer against the OpenAPI document; at the end every operation of the document was asked.
"""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gql_server.rest.absent import ABSENT
from gql_server.rest.operations import markdown
from runner_bridge.moving_in.moving_in import ReevFile, import_reev_database
from store.errors import DatabaseBusy, DatabaseUnavailable
from store.executions import polled, state_machine
from store.model import ExecutionId, ExecutionStatus, Step
from store.postgres.database import Database
from tests.helpers.json_schema import Mismatch, check
from tests.helpers.patience import eventually
from tests.helpers.places import REPOSITORY
from tests.helpers.reev_databases import ReevWriter
from tests.helpers.rest import RestAnswer, RestClient
from tests.helpers.samples import transfer_yaml
from tests.helpers.site import MakeSite
from tests.helpers.stored_rows import append, ending, in_state, queued, running
from tests.helpers.workers import claim

KEY = "sk-canary-0123456789abcdef"
LOGS = [
    "Program 11111111111111111111111111111111 invoke [1]",
    "Program 11111111111111111111111111111111 success",
]
INSTRUCTION = {"program_id": "1" * 32, "accounts": [], "data": "3Bxs411Dtc7pkFQj"}
STEP = Step(
    1, None, [INSTRUCTION], {"last_transaction_status": "Success", "last_transaction_logs": LOGS}, None
)


@pytest.fixture
async def rest(make_site: MakeSite, tmp_path: Path) -> RestClient:
    """A server with one benchmark file, which plays `deterministic` and knows the agent `local`."""
    (tmp_path / "transfer.yml").write_text(transfer_yaml())
    return await RestClient.of(
        await make_site(rest=True, data_dir=tmp_path / "data", benchmarks_dir=tmp_path)
    )


async def solved(db: Database, execution_id: ExecutionId) -> None:
    """Ends a running execution with a result."""
    end = ending(success=True, score=1.0, steps=(STEP,), execution_time_ms=1500, exit_code=0)
    assert await state_machine.finish(db, execution_id, end) is not None


async def ended(rest: RestClient, path: str) -> RestAnswer:
    """The answer once the page would stop polling."""
    found: list[RestAnswer] = []

    async def looks() -> bool:
        found.append(await rest.get(path))
        return found[-1].body["status"] in ("Completed", "Failed")

    await eventually(looks)
    return found[-1]


async def test_the_calls_of_both_pages_from_load_to_the_end_of_an_execution(rest: RestClient) -> None:
    db = rest.site.db
    synced = await rest.post("/sync")
    assert synced.body["success"] and synced.body["synced_count"]["new_count"] == 1
    assert (await rest.post("/sync")).body["synced_count"]["synced_benchmarks"] == [
        {"name": "transfer", "md5": None, "operation": "unchanged", "processing_time_ms": None}
    ]
    # On load.
    [listed] = (await rest.get("/benchmarks")).body
    assert listed["id"] == "transfer" and listed["tags"] == ["system", "transfer"] and listed["prompt"]
    assert (await rest.get("/agent-performance")).body == []
    assert (await rest.get("/agents")).body == ["deterministic"]
    chosen = await rest.get("/benchmarks/transfer")
    assert chosen.body["latest_execution_id"] is None and chosen.body["recent_executions"] == []
    for logs in ("execution-logs", "transaction-logs"):
        nothing = await rest.get(f"/{logs}/transfer")
        assert nothing.status == 200 and nothing.body["message"] and not nothing.body["is_running"]
    assert (await rest.get("/flow-logs/transfer")).body["message"] == "No sessions found"
    assert (await rest.get("/benchmarks/transfer/status")).status == 404
    # A click on Run.
    run = await rest.post("/benchmarks/transfer/run", {"agent": "deterministic", "shared_surfpool": False})
    assert run.body["status"] == "Queued" and run.body["created"]
    assert run.body["logs"] == ["Ignored: shared_surfpool"]
    execution_id = ExecutionId(uuid.UUID(run.body["execution_id"]))
    status = f"/benchmarks/transfer/status/{execution_id}"
    waits = await rest.get(status)
    assert (waits.body["status"], waits.body["progress"], waits.body["result_data"]) == ("Queued", 0, None)
    # What main's page asks, without an execution, is about the newest.
    for path in ("/execution-logs/transfer", f"/execution-logs/transfer?execution_id={execution_id}"):
        log = await rest.get(path)
        assert log.body["execution_id"] == str(execution_id) and log.body["is_running"]
        assert "waits for its turn" in log.body["trace"]
    assert (await rest.get("/benchmarks/transfer")).body["latest_execution_id"] == str(execution_id)
    assert await claim(db, execution_id) is not None
    await append(db, execution_id, 1)

    async def shows_the_call() -> bool:
        live = await rest.get("/execution-logs/transfer")
        return (
            live.body["status"] == "running" and "Tool call 1: sol_transfer ✅ (7 ms)" in live.body["trace"]
        )

    await eventually(shows_the_call)
    assert "in progress" in (await rest.get("/transaction-logs/transfer")).body["transaction_logs"]
    await solved(db, execution_id)
    last = (await ended(rest, status)).body
    assert last["id"] == last["execution_id"] == str(execution_id)
    assert (last["status"], last["progress"], last["score"], last["error"]) == ("Completed", 1, 1.0, None)
    assert last["benchmark_id"] == "transfer" and last["agent"] == "deterministic" and last["end_time"]
    assert last["trace"].startswith(" ✅ transfer (Score: 100.0%): succeeded\n")
    assert last["result_data"] == {"success": True, "score": 1.0, "duration_ms": 1500, "exit_code": 0}
    assert (await rest.get("/execution-logs/transfer")).body["trace"] == last["trace"]
    shown = {
        query: (await rest.get(f"/transaction-logs/transfer?execution_id={execution_id}{query}")).body
        for query in ("", "&format=yaml&show_cu=true", "&format=plain&show_cu=false")
    }
    assert shown[""]["transaction_logs"].startswith(" 🔗 Blockchain Transactions\n └─ Step 1")
    assert shown["&format=yaml&show_cu=true"]["transaction_logs"].startswith(
        "🔄 TRANSACTION LOGS\n└── 🔹 System"
    )
    assert shown["&format=plain&show_cu=false"]["transaction_logs"].startswith("Step 1:\n")
    flow = await rest.get(f"/flows/{execution_id}")
    assert flow.body["diagram"].startswith("stateDiagram\n    [*] --> Prompt")
    assert (
        flow.body["metadata"]["tool_count"] == 1 and flow.body["tool_calls"][0]["tool_name"] == "sol_transfer"
    )
    assert "<title>Flow Diagram: transfer" in (await rest.get(f"/flows/{execution_id}?format=html")).body
    [agent] = (await rest.get("/agent-performance")).body
    assert (agent["agent_type"], agent["total_benchmarks"], agent["total_executions"]) == (
        "deterministic",
        1,
        1,
    )
    assert (agent["average_score"], agent["success_rate"]) == (1.0, 1.0)
    assert agent["best_benchmarks"] == agent["worst_benchmarks"] == ["transfer"]
    [result] = agent["results"]
    assert (result["benchmark_id"], result["score"], result["final_status"]) == ("transfer", 1.0, "succeeded")
    assert result["session_id"] == str(execution_id) and result["timestamp"] == last["end_time"]
    [session] = (await rest.get("/flow-logs/transfer")).body["sessions"]
    assert (session["status"], session["is_running"], session["progress"]) == ("completed", False, 1)
    assert (await rest.get("/benchmarks/transfer/status?agent=deterministic")).body == last
    assert (await rest.get("/benchmarks/transfer/status?agent=local")).status == 404
    # The rest of the routes, so that each operation of the document was asked.
    upserted = await rest.post("/upsert-yml", {"yml_content": transfer_yaml("second")})
    assert upserted.body["benchmark_id"] == "second" and upserted.body["operation"] == "created"
    refused = await rest.post("/upsert-yml", {"yml_content": "id: [\n"})
    assert refused.status == 400 and refused.body["line"] and refused.body["success"] is False
    held = await rest.post("/upsert-yml", {"yml_content": transfer_yaml().replace("0.1", "0.2")})
    assert (held.status, held.body["error"]) == (409, "BENCHMARK_IN_FILE") and "transfer.yml" in held.body[
        "message"
    ]
    assert (await rest.get("/health")).body["status"] == "healthy"
    await _configures(rest)
    other = await running(db, "transfer")
    assert (await rest.post(f"/benchmarks/transfer/stop/{other}")).status == 202
    asked = {(method.upper(), path) for path, by in rest.document["paths"].items() for method in by}
    assert asked - rest.seen == set()


async def _configures(rest: RestClient) -> None:
    """As the form of the page does: the key is shown masked and sent back masked."""
    assert (await rest.get("/agents/config/local")).status == 404
    url = "http://127.0.0.1:9/v1"
    given = {"agent_type": "local", "api_url": url, "api_key": KEY, "temperature": 1}
    saved = await rest.post("/agents/config", given)
    assert saved.body["status"] == "saved" and "ignored: temperature" in saved.body["message"]
    shown = (await rest.get("/agents/config/local")).body
    assert shown["api_key"] == f"***{KEY[-4:]}" and shown["api_url"] == url
    assert (await rest.post("/agents/config", shown)).body["status"] == "saved"
    stored = await rest.site.db.fetchrow("SELECT * FROM agent_configs WHERE agent = 'local'")
    assert stored["encrypted_api_key"] is not None
    assert (await rest.get("/agents/config/local")).body == shown
    # The masked key goes with the stored address, and to no other.
    tested = await rest.post("/agents/test", shown)
    assert (
        tested.status == 200
        and tested.body["status"] == "error"
        and "Nothing listens" in tested.body["message"]
    )
    elsewhere = await rest.post("/agents/test", {**shown, "api_url": "http://127.0.0.1:10/v1"})
    assert elsewhere.status == 400 and "another address" in elsewhere.body["message"]
    moved = await rest.post("/agents/config", {**shown, "api_url": "http://127.0.0.1:10/v1"})
    assert moved.status == 400
    assert (await rest.post("/agents/test", {"agent_type": "deterministic"})).body["status"] == "success"
    # A click on Run sends the same form; it changes nothing.
    before = await rest.site.db.fetchval("SELECT count(*) FROM agent_revisions")
    run = await rest.post("/benchmarks/transfer/run", {"agent": "local", "config": shown})
    assert run.status == 200
    assert await rest.site.db.fetchval("SELECT count(*) FROM agent_revisions") == before


async def test_each_state_has_a_word_and_only_two_end_the_polling(rest: RestClient) -> None:
    for status in ExecutionStatus:
        await _has_its_word(rest, status)


async def _has_its_word(rest: RestClient, status: ExecutionStatus) -> None:
    execution_id = await in_state(rest.site.db, status)
    answer = (await rest.get(f"/benchmarks/bench/status/{execution_id}")).body
    words = {"QUEUED": "Queued", "RUNNING": "Running", "STOPPING": "Running", "SUCCEEDED": "Completed"}
    assert answer["status"] == words.get(status, "Failed")
    assert answer["metadata"]["status"] == status
    assert (answer["status"] in ("Completed", "Failed")) == status.is_terminal
    assert (answer["error_message"] is not None) == (answer["status"] == "Failed")
    stop = await rest.post(f"/benchmarks/bench/stop/{execution_id}")
    stopped = {"QUEUED": 200, "RUNNING": 202, "STOPPING": 202, "STOPPED": 200}
    assert stop.status == stopped.get(status, 400)
    if stop.status == 400:
        assert stop.body["error"] == "EXECUTION_ALREADY_ENDED" and "not running" in stop.body["message"]


async def test_what_is_not_there_is_told_as_json_with_a_message(rest: RestClient) -> None:
    execution = await queued(rest.site.db)
    nobody = uuid.uuid4()
    for path in (
        *(
            "/nothing",
            "/benchmarks/nope",
            "/execution-logs/nope",
            "/transaction-logs/nope",
            "/flow-logs/nope",
        ),
        *(
            "/transaction-logs/demo",
            "/benchmarks/nope/status",
            f"/benchmarks/bench/status/{nobody}",
            "/flows/nope",
        ),
        *(
            "/benchmarks/bench/status/nope",
            f"/benchmarks/nope/status/{execution.id}",
            "/agents/config/nobody",
        ),
        *(f"/execution-logs/nope?execution_id={execution.id}", "/execution-logs/bench?execution_id=nope"),
    ):
        answer = await rest.get(path)
        assert answer.status == 404, path
        assert answer.body["message"] and answer.body["error"].isupper()
    for path in (
        "/transaction-logs/bench?format=xml",
        "/transaction-logs/bench?show_cu=1",
        f"/flows/{execution.id}?format=x",
    ):
        assert (await rest.get(path)).status == 400
    unknown: list[tuple[str, Any, int, str]] = [
        ("/benchmarks/nope/run", {"agent": "deterministic"}, 404, "BENCHMARK_NOT_FOUND"),
        ("/benchmarks/bench/run", {"agent": "nobody"}, 400, "AGENT_NOT_FOUND"),
        ("/benchmarks/bench/run", {}, 400, "INVALID_INPUT"),
        ("/benchmarks/bench/run", ["agent"], 400, "INVALID_INPUT"),
        ("/benchmarks/bench/run", None, 400, "BAD_REQUEST"),
        (f"/benchmarks/bench/stop/{nobody}", None, 404, "EXECUTION_NOT_FOUND"),
        (f"/benchmarks/nope/stop/{execution.id}", None, 404, "EXECUTION_NOT_FOUND"),
        ("/agents/config", {"agent_type": "deterministic"}, 400, "INVALID_INPUT"),
        ("/agents/test", {"agent_type": "nobody"}, 400, "INVALID_INPUT"),
        ("/benchmarks", None, 405, "METHOD_NOT_ALLOWED"),
    ]
    for path, body, status, code in unknown:
        answer = await rest.post(path, body)
        assert (answer.status, answer.body["error"]) == (status, code), path
    for one in ABSENT:
        answer = await rest.ask(one.method, one.path.removeprefix("/api/v1").replace("{id}", "x"), None, {})
        assert (answer.status, answer.body["message"]) == (one.status, one.why)
    text = {"Content_Type": "text/plain"}
    assert (await rest.post("/benchmarks/bench/run", {"agent": "deterministic"}, **text)).status == 415
    assert await rest.site.executions() == 1


async def test_old_executions_are_found_by_the_ids_that_they_had(rest: RestClient, tmp_path: Path) -> None:
    path = tmp_path / "reev_results.db"
    with closing(sqlite3.connect(path)) as connection:
        writer = ReevWriter(connection)
        writer.add(
            "execution_states",
            execution_id="bridge-17",
            benchmark_id="bench",
            agent="glm",
            status='"Failed"',
            created_at=1_761_000_000,
            updated_at=1_761_000_007,
        )
        writer.commit()
    await import_reev_database(rest.site.db, ReevFile(path))
    for address in ("/benchmarks/bench/status/bridge-17", "/execution-logs/bench?execution_id=bridge-17"):
        answer = await rest.get(address)
        assert (answer.status, answer.body["benchmark_id"]) == (200, "bench"), address
    one = (await rest.get("/benchmarks/bench/status/bridge-17")).body
    assert (one["status"], one["metadata"]["session_id"]) == ("Failed", "bridge-17")
    assert (await rest.get(f"/benchmarks/bench/status/{one['id']}")).body == one
    [session] = (await rest.get("/flow-logs/bench")).body["sessions"]
    assert session["session_id"] == "bridge-17"
    assert (await rest.get("/flows/bridge-17")).body["metadata"]["session_id"] == "bridge-17"
    stop = await rest.post("/benchmarks/bench/stop/bridge-17")
    assert (stop.status, stop.body["error"]) == (400, "EXECUTION_ALREADY_ENDED")
    for unknown in ("bridge-18", "\u0000", "x" * 300):
        missing = await rest.get(f"/benchmarks/bench/status/{quote(unknown)}")
        assert (missing.status, missing.body["error"]) == (404, "EXECUTION_NOT_FOUND")


async def test_figures_of_agents_leave_out_what_is_not_known(rest: RestClient) -> None:
    db = rest.site.db
    for benchmark, score in (("a", 1.0), ("a", 0.5), ("b", 0.25), ("c", None)):
        execution_id = await running(db, benchmark)
        success = score is not None and score >= 0.75
        status = ExecutionStatus.SUCCEEDED if success else ExecutionStatus.FAILED
        assert await state_machine.finish(db, execution_id, ending(status, success=success, score=score))
    await running(db, "d")
    assert await state_machine.finish(db, await running(db, "a", agent="unknown"), ending())
    [agent] = (await rest.get("/agent-performance")).body
    assert (agent["total_benchmarks"], agent["total_executions"]) == (3, 4)
    assert (agent["average_score"], agent["success_rate"]) == (1.75 / 3, 0.25)
    assert (agent["best_benchmarks"], agent["worst_benchmarks"]) == (["a", "b"], ["b", "a"])
    newest = [(one["benchmark_id"], one["score"], one["score_known"]) for one in agent["results"]]
    assert newest == [("c", 0.0, False), ("b", 0.25, True), ("a", 0.5, True), ("a", 1.0, True)]


async def test_faults_are_json_and_tell_nothing(rest: RestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for fault, status, code in (
        (RuntimeError("SELECT secret"), 500, "INTERNAL"),
        (DatabaseUnavailable("at 10.0.0.1"), 503, "DATABASE_UNAVAILABLE"),
        (DatabaseBusy("All database connections are in use"), 503, "SERVER_BUSY"),
    ):

        async def fails(*_: object, error: Exception = fault) -> None:
            raise error

        monkeypatch.setattr(polled, "by_id", fails)
        answer = await rest.get(f"/benchmarks/transfer/status/{uuid.uuid4()}")
        assert (answer.status, answer.body["error"]) == (status, code)
        assert "secret" not in answer.body["message"] and "10.0.0.1" not in answer.body["message"]


async def test_a_repeated_request_with_a_key_gives_the_same_execution(rest: RestClient) -> None:
    await queued(rest.site.db)
    path, body = "/benchmarks/bench/run", {"agent": "deterministic"}
    first = await rest.post(path, body, Idempotency_Key="one")
    again = await rest.post(path, body, Idempotency_Key="one")
    assert again.body == {**first.body, "created": False}
    other = await rest.post("/benchmarks/transfer/run", body, Idempotency_Key="one")
    assert (other.status, other.body["error"]) == (409, "IDEMPOTENCY_CONFLICT")
    assert (await rest.post(path, body, Idempotency_Key="x" * 300)).status == 400
    assert await rest.site.executions() == 2


async def test_the_check_of_answers_notices_what_is_not_in_the_document(rest: RestClient) -> None:
    schema = {"$ref": "#/components/schemas/ErrorAnswer"}
    check({"error": "X", "message": "x"}, schema, rest.document)
    more: dict[str, Any] = {"error": "X", "message": "x", "more": 1}
    wrong: list[Any] = [{"error": "X"}, {"error": "X", "message": 1}, more, []]
    for one in wrong:
        with pytest.raises((Mismatch, AttributeError)):
            check(one, schema, rest.document)


async def test_switched_off_it_says_so(make_site: MakeSite) -> None:
    rest = RestClient(await make_site(), {"paths": {}, "components": {"schemas": {"ErrorAnswer": {}}}})
    for path in ("/benchmarks", "/openapi.json", "/debug/benchmarks"):
        answer = await rest.get(path)
        assert (answer.status, answer.body["error"]) == (404, "REST_SWITCHED_OFF")
        assert "REEV_GQL_REST" in answer.body["message"]


def test_the_docs_show_the_routes() -> None:
    text = (REPOSITORY / "docs" / "rest.md").read_text(encoding="utf-8")
    shown = text.partition("<!-- routes: python -m gql_server.rest.operations -->\n")[2].partition(
        "<!-- /routes -->"
    )[0]
    assert shown == markdown()
