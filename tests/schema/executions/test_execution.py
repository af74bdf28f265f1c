"""Executions through GraphQL: lists, single ones, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from schema.contract.pagination import encode_cursor
from store.executions import output, state_machine
from store.model import (
    Ending,
    EventKind,
    ExecutionStatus,
    Failure,
    FailureKind,
    LeakedProcess,
    RunnerKind,
    Step,
    ToolCall,
    ToolCallStatus,
)
from store.postgres.database import Database
from tests.helpers.samples import queued
from tests.helpers.statements import statements_sent
from tests.helpers.workers import claim

PAGE = """
query ($first: Int, $after: String, $last: Int, $before: String, $filter: ExecutionFilter) {
  executions(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    totalCount updatesCursor
    edges { cursor node { id agent status } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""

ONE = """
query ($id: ID!) {
  execution(id: $id) {
    id benchmarkId benchmarkRevision agent origin status revision score success prompt exitCode
    queuedAt startedAt endedAt queueDurationMs executionTimeMs timeoutMs computedScore runner sessionId trace
    scoring { version score instructions { possible parts { what matched } } }
    assertions { type outcome }
    log { text nextOffset ended }
    events { seq kind status }
    transactionLogs { plain tree yaml steps { entries { programName succeeded children { level } } } }
    flow { source diagram toolCount nodes { kind label } edges { source target } }
    failure { kind message exitCode exitSignal }
    benchmark { id revision }
    steps {
      ordinal thought info rawAction rawObservation
      instructions { programId accounts { pubkey isSigner } data }
      observation { status error logs keyMap }
    }
    toolCalls { ordinal name rawName status startedAt durationMs params result errorMessage }
  }
}
"""


SYSTEM = "11111111111111111111111111111111"
LOGS = [f"Program {SYSTEM} invoke [1]", f"Program {SYSTEM} success"]
INSTRUCTION = {
    "program_id": SYSTEM,
    "accounts": [{"pubkey": SYSTEM, "is_signer": True, "is_writable": True}],
    "data": "3Bxs",
}
OBSERVATION = {
    "last_transaction_status": "Failure",
    "last_transaction_error": "no",
    "last_transaction_logs": LOGS,
    "account_states": {},
    "key_map": {"USER": SYSTEM},
}
PART = {
    "what": "program_id",
    "index": None,
    "weight": 1.0,
    "matched": True,
    "expected": SYSTEM,
    "actual": SYSTEM,
    "why": None,
}
SCORING: dict[str, Any] = {
    "version": 1,
    "score": 0.75,
    "instruction_score": 1.0,
    "onchain_score": 0.0,
    "possible": 1.0,
    "achieved": 1.0,
    "passed": True,
    "instructions_skipped": False,
    "issues": [],
    "details": [],
    "instructions": [{"index": 0, "possible": 1.0, "achieved": 1.0, "parts": [PART]}],
}
ASSERTION: dict[str, Any] = {
    "index": 0,
    "type": "SolBalance",
    "description": "SolBalance of X == 1",
    "outcome": "FAILED",
    "expected": {"expected": 1},
    "actual": 0,
    "weight": 1.0,
    "reason": "0 is not 1",
}


def _ids(page: dict[str, Any]) -> list[str]:
    return [edge["node"]["id"] for edge in page["executions"]["edges"]]


async def test_pages_forwards_and_backwards_make_the_whole_list(db: Database, ask: Any) -> None:
    newest_first = [str((await queued(db)).id) for _ in range(7)][::-1]
    first = await ask(PAGE, first=3)
    assert _ids(first) == newest_first[:3]
    assert first["executions"]["totalCount"] == 7
    assert first["executions"]["pageInfo"]["hasNextPage"] is True

    # Newer ones do not shift the second page.
    await queued(db)
    second = await ask(PAGE, first=3, after=first["executions"]["pageInfo"]["endCursor"])
    assert _ids(second) == newest_first[3:6]
    assert second["executions"]["pageInfo"]["hasPreviousPage"] is True

    last = await ask(PAGE, last=2)
    assert _ids(last) == newest_first[5:]
    before = await ask(PAGE, last=2, before=last["executions"]["pageInfo"]["startCursor"])
    assert _ids(before) == newest_first[3:5]


async def test_filters_hold_together(db: Database, ask: Any) -> None:
    wanted = await queued(db, "one", agent="glm-4.6")
    await queued(db, "one")
    await queued(db, "two", agent="glm-4.6")
    page = await ask(
        PAGE,
        filter={
            "benchmarkIds": ["one"],
            "agents": ["glm-4.6"],
            "statuses": ["QUEUED"],
            "origins": ["REQUESTED"],
        },
    )
    assert _ids(page) == [str(wanted.id)]
    assert page["executions"]["totalCount"] == 1


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"first": 10_000}, "PAGE_SIZE"),
        ({"first": 0}, "PAGE_SIZE"),
        ({"last": -1}, "PAGE_SIZE"),
        ({"first": 1, "last": 1}, "PAGE_SIZE"),
        ({"after": "nonsense"}, "INVALID_CURSOR"),
        ({"after": ""}, "INVALID_CURSOR"),
        ({"after": encode_cursor("benchmarks", "001-sol-transfer")}, "INVALID_CURSOR"),
        ({"after": encode_cursor("executions", "9" * 40, "x")}, "INVALID_CURSOR"),
        ({"filter": {"benchmarkIds": ["../../etc/passwd"]}}, "INVALID_ID"),
    ],
)
async def test_a_page_that_cannot_be_read_is_refused_with_a_code(
    refuse: Any, variables: dict[str, Any], code: str
) -> None:
    found, message = await refuse(PAGE, **variables)
    assert found == code
    assert message


async def test_an_ended_execution_tells_everything(db: Database, ask: Any) -> None:
    execution = await queued(db)
    await claim(db, execution.id, runner=RunnerKind.LOCAL)
    await output.append(db, execution.id, 0, b"hello\n")
    call = ToolCall(
        1, "sol_transfer", "SolTransfer", ToolCallStatus.SUCCESS, None, None, 12, {"a": 1}, [2], None
    )
    await state_machine.append_tool_calls(db, execution.id, [(EventKind.TOOL_CALL_ENDED, call)])
    await state_machine.finish(
        db,
        execution.id,
        Ending(
            ExecutionStatus.FAILED,
            failure=Failure(FailureKind.BENCHMARK, "the result says so"),
            exit_code=0,
            execution_time_ms=17,
            success=False,
            score=0.75,
            scoring=SCORING,
            assertions=[ASSERTION],
            session_file_hash="f" * 64,
            prompt="Send it",
            session={"session_id": str(execution.id)},
            steps=(Step(1, None, [INSTRUCTION], OBSERVATION, {}),),
        ),
    )
    found = (await ask(ONE, id=str(execution.id)))["execution"]
    assert found["status"] == "FAILED"
    assert found["failure"] == {
        "kind": "BENCHMARK",
        "message": "the result says so",
        "exitCode": 0,
        "exitSignal": None,
    }
    assert (found["score"], found["success"], found["executionTimeMs"]) == (0.75, False, 17)
    assert found["revision"] == 4
    assert found["prompt"] == "Send it"
    assert found["benchmark"] == {"id": "transfer", "revision": 1}
    [step] = found["steps"]
    assert step["observation"] == {
        "status": "Failure",
        "error": "no",
        "logs": LOGS,
        "keyMap": {"USER": SYSTEM},
    }
    assert (step["rawAction"], step["rawObservation"]) == ([INSTRUCTION], OBSERVATION)
    assert step["instructions"] == [
        {"programId": SYSTEM, "accounts": [{"pubkey": SYSTEM, "isSigner": True}], "data": "3Bxs"}
    ]
    assert (found["computedScore"], found["scoring"]["score"]) == (0.75, 0.75)
    assert found["scoring"]["instructions"][0]["parts"] == [{"what": "program_id", "matched": True}]
    assert found["assertions"] == [{"type": "SolBalance", "outcome": "FAILED"}]
    assert (found["runner"], found["sessionId"]) == ("LOCAL", str(execution.id))
    assert "transfer (Score: 75.0%): failed" in found["trace"]
    assert found["log"] == {"text": "hello\n", "nextOffset": 6, "ended": True}
    assert [event["seq"] for event in found["events"]] == [1, 2, 3, 4]
    [logs] = found["transactionLogs"]["steps"]
    assert logs["entries"] == [{"programName": "System", "succeeded": True, "children": []}]
    assert "Step 1:" in found["transactionLogs"]["plain"]
    assert found["flow"]["source"] == "DATABASE"
    assert "Prompt --> Agent : Send it" in found["flow"]["diagram"]
    assert found["flow"]["toolCount"] == 1
    assert found["toolCalls"][0]["name"] == "sol_transfer"
    assert found["toolCalls"][0]["startedAt"] is None
    assert found["queueDurationMs"] >= 0


async def test_what_the_server_stopped_and_what_it_could_not_end_is_told(db: Database, ask: Any) -> None:
    execution = await queued(db)
    await claim(db, execution.id)
    await state_machine.request_stop(db, execution.id, "Its worker was shut down")
    left = (LeakedProcess(4711, "surfpool"), LeakedProcess(4712, ""))
    await state_machine.finish(db, execution.id, Ending(ExecutionStatus.STOPPED, leaked_processes=left))
    found = await ask(
        "query ($id: ID!) { execution(id: $id) { status stopReason leakedProcesses { pid name } } }",
        id=str(execution.id),
    )
    assert found["execution"] == {
        "status": "STOPPED",
        "stopReason": "Its worker was shut down",
        "leakedProcesses": [{"pid": 4711, "name": "surfpool"}, {"pid": 4712, "name": ""}],
    }


async def test_nothing_is_invented_for_a_queued_execution(db: Database, ask: Any) -> None:
    execution = await queued(db)
    found = (await ask(ONE, id=str(execution.id)))["execution"]
    unknown = ("score", "success", "startedAt", "endedAt", "queueDurationMs", "executionTimeMs", "exitCode")
    assert [found[field] for field in unknown] == [None] * len(unknown)
    assert found["steps"] == found["toolCalls"] == []


async def test_an_unknown_execution_is_null_and_a_malformed_id_is_refused(ask: Any, refuse: Any) -> None:
    assert await ask(ONE, id="00000000-0000-4000-8000-000000000000") == {"execution": None}
    for bad in ("1", "../../etc/passwd", "{00000000-0000-4000-8000-000000000000}", "x" * 300, "\x00"):
        code, _ = await refuse(ONE, id=bad)
        assert code == "INVALID_ID"


async def test_the_executions_of_fifty_benchmarks_are_counted_in_one_statement(
    db: Database, ask: Any
) -> None:
    for number in range(50):
        for _ in range(1 + number % 3):
            await queued(db, f"b{number:02}", agent=("deterministic", "glm-4.6")[number % 2])
    for filter, fits in (('agents: ["glm-4.6"]', 1), ("origins: [REQUESTED]", 0)):
        with statements_sent() as statements:
            found = await ask(
                "{ benchmarks(first: 50) { nodes { id all: executions(first: 1) { totalCount } "
                f"some: executions(first: 1, filter: {{{filter}}}) {{ totalCount }} }} }} }}"
            )
        # The page of benchmarks, two pages of executions, two counts.
        assert len(statements) == 5, statements
        for number, node in enumerate(found["benchmarks"]["nodes"]):
            assert node["all"]["totalCount"] == 1 + number % 3
            expected = 1 + number % 3 if not fits or number % 2 else 0
            assert node["some"]["totalCount"] == expected


async def test_a_page_of_fifty_with_all_relations_takes_few_statements(db: Database, ask: Any) -> None:
    for number in range(50):
        await queued(db, f"b{number % 7}")
    with statements_sent() as statements:
        page = await ask(
            "{ executions { nodes { id status prompt benchmark { id latestExecution { id } } steps { ordinal } "
            "toolCalls { name } } } }"
        )
    assert len(page["executions"]["nodes"]) == 50
    assert len(statements) == 6, statements


@pytest.mark.parametrize(
    "document",
    [
        "query ($a: ID!, $b: ID!) { a: execution(id: $a) { id } b: execution(id: $b) { id } }",
        "query ($a: ID!, $b: ID!) { ...Both } "
        "fragment Both on Query { a: execution(id: $a) { id } b: execution(id: $b) { id } }",
    ],
    ids=["side by side", "in a fragment"],
)
async def test_what_is_looked_up_together_is_one_statement(db: Database, ask: Any, document: str) -> None:
    """Only a field that is alone at the root does not wait for others."""
    first, second = await queued(db), await queued(db)
    with statements_sent() as statements:
        answer = await ask(document, a=str(first.id), b=str(second.id))
    assert answer == {"a": {"id": str(first.id)}, "b": {"id": str(second.id)}}
    assert len(statements) == 1, statements


STORED = """
query ($id: ID!) {
  execution(id: $id) {
    scoring { score details instructions { parts { what why } } }
    scoringProblem
    assertions { index type outcome reason }
  }
}
"""
OTHER_VERSION = "It is stored in a form that this version of the server does not know"


@pytest.mark.parametrize(
    ("scoring", "is_read"),
    [
        ({**SCORING, "of_the_future": [1]}, True),
        ({**SCORING, "instructions": [{**SCORING["instructions"][0], "parts": [{**PART, "new": 1}]}]}, True),
        ({name: value for name, value in SCORING.items() if name != "instructions"}, False),
        ({name: value for name, value in SCORING.items() if name != "details"}, False),
        ({**SCORING, "instructions": [{"index": 0, "possible": 1.0, "achieved": 1.0}]}, False),
        ({**SCORING, "instructions": [{**SCORING["instructions"][0], "parts": [{"what": "data"}]}]}, False),
        ({"score": 1.0}, False),
        ([], False),
    ],
)
async def test_what_another_version_has_stored_is_shown_as_far_as_it_is_understood(
    db: Database, ask: Any, scoring: Any, is_read: bool
) -> None:
    execution = await queued(db)
    await claim(db, execution.id)
    bare = {name: ASSERTION[name] for name in ("index", "type", "description", "outcome", "weight")}
    ending = Ending(
        ExecutionStatus.SUCCEEDED,
        scoring=scoring,
        assertions=[{**ASSERTION, "new": 1}, bare, {**ASSERTION, "outcome": "DOUBTFUL"}, {}],
    )
    await state_machine.finish(db, execution.id, ending)
    found = (await ask(STORED, id=str(execution.id)))["execution"]
    assert (found["scoring"] is not None) == is_read
    assert found["scoringProblem"] == (None if is_read else OTHER_VERSION)
    assert [
        (each["index"], each["type"], each["outcome"], each["reason"]) for each in found["assertions"]
    ] == [
        (0, "SolBalance", "FAILED", "0 is not 1"),
        (0, "SolBalance", "FAILED", None),
        (2, "unknown", "NOT_EVALUABLE", OTHER_VERSION),
        (3, "unknown", "NOT_EVALUABLE", OTHER_VERSION),
    ]
