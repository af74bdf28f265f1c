"""Conversations in the API: entries with what was shown, said and called; pages, events, usage."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from schema.executions.conversation import ConversationEntry
from store.executions import messages, state_machine
from store.model import ExecutionId, ExecutionStatus, MessageKind
from store.postgres.database import Database
from tests.helpers.statements import statements_sent
from tests.helpers.stored_rows import ending, message, running

CONVERSATION = """
query ($id: ID!, $first: Int, $after: String) {
  execution(id: $id) {
    conversation(first: $first, after: $after) {
      totalCount
      nodes { ordinal }
      edges { cursor node { ordinal kind data } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}
"""
EVENTS = """
subscription ($id: ID!) {
  executionEvents(executionId: $id) {
    seq kind entry { ordinal kind turn data at } toolCall { ordinal } execution { usage { turns inputTokens } }
  }
}
"""
ASKED = {
    "kind": "request",
    "reev.step": 1,
    "reev.turn": 1,
    "gen_ai.system_instructions": [{"type": "text", "content": "You are an agent."}],
    "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Pay."}]}],
}
ANSWERED = {
    "kind": "response",
    "reev.turn": 1,
    "gen_ai.response.finish_reasons": ["tool_calls"],
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 2,
    "reev.latency_ms": 7,
    "gen_ai.output.messages": [
        {
            "role": "assistant",
            "parts": [
                {"type": "text", "content": "I pay."},
                {"type": "tool_call", "id": "c1", "name": "pay", "arguments": '{"to": "you"}'},
                {"type": "tool_call", "id": None, "name": "pay", "arguments": {"to": "me"}},
            ],
        }
    ],
}
CALLED = {
    "kind": "tool",
    "gen_ai.tool.name": "pay",
    "gen_ai.tool.call.id": "c1",
    "gen_ai.tool.call.arguments": '{"to": "you"}',
    "gen_ai.tool.call.result": '{"error": "no"}',
    "error.type": "tool_error",
    "reev.duration_ms": 3,
}
FAILED = {
    "kind": "error",
    "error.type": "RATE_LIMITED",
    "http.response.status_code": 429,
    "reev.message": "too many requests",
}


def entry(kind: MessageKind, data: Any) -> ConversationEntry:
    return ConversationEntry.of(message(1, kind=kind, data=data))


def test_a_request_shows_the_system_text_and_the_new_messages() -> None:
    found = entry(MessageKind.REQUEST, ASKED)
    assert [(one.role, one.text) for one in found.messages] == [
        ("system", "You are an agent."),
        ("user", "Pay."),
    ]
    assert (found.step, found.turn, found.tool_call) == (1, 1, None)


def test_a_response_has_text_calls_tokens_and_time() -> None:
    found = entry(MessageKind.RESPONSE, ANSWERED)
    [said] = found.messages
    assert (said.role, said.text) == ("assistant", "I pay.")
    assert [(call.id, call.arguments, call.result) for call in said.tool_calls] == [
        ("c1", '{"to": "you"}', None),
        (None, '{"to": "me"}', None),
    ]
    assert (found.finish_reason, found.input_tokens, found.output_tokens) == ("tool_calls", 10, 2)
    assert found.duration_ms == 7


def test_a_call_has_its_result_and_a_failure_its_reason() -> None:
    call = entry(MessageKind.TOOL, CALLED).tool_call
    assert call is not None
    assert (call.id, call.name, call.result) == ("c1", "pay", '{"error": "no"}')
    assert (call.is_error, call.duration_ms) == (True, 3)
    failed = entry(MessageKind.ERROR, FAILED)
    assert (failed.error_type, failed.http_status, failed.error_message) == (
        "RATE_LIMITED",
        429,
        "too many requests",
    )
    unread = entry(MessageKind.OTHER, "what is this")
    assert (unread.error_message, str(unread.data)) == (
        "what is this",
        "what is this",
    ) and not unread.messages


@pytest.mark.parametrize(
    "odd", [None, 5, "text", [], [5], {}, [{"parts": 5}], [{"parts": [5, {"type": 1}]}], True]
)
def test_members_of_odd_types_are_left_out(odd: Any) -> None:
    names = [
        "reev.step",
        "reev.turn",
        "reev.latency_ms",
        "reev.message",
        "error.type",
        *ANSWERED,
        *ASKED,
        *CALLED,
    ]
    for kind in MessageKind:
        found = entry(kind, {name: odd for name in names})
        assert found.step in (None, odd)
        texts: list[object] = [text for one in found.messages for text in (one.role, one.text)]
        assert all(isinstance(text, str) for text in texts)


async def told(db: Database, count: int = 5) -> ExecutionId:
    execution_id = await running(db)
    lines = [message(number) for number in range(1, count + 1)]
    await messages.append(db, execution_id, lines, {"turns": count, "input_tokens": 10})
    return execution_id


async def test_a_conversation_is_read_page_by_page(ask: Any, db: Database) -> None:
    execution_id = str(await told(db))
    first = (await ask(CONVERSATION, id=execution_id, first=2))["execution"]["conversation"]
    assert first["totalCount"] == 5
    assert first["nodes"] == [{"ordinal": 1}, {"ordinal": 2}]
    assert first["edges"][0]["node"]["data"] == message(1).data
    assert (first["pageInfo"]["hasNextPage"], first["pageInfo"]["hasPreviousPage"]) == (True, False)
    seen, after = [], None
    while True:
        page = (await ask(CONVERSATION, id=execution_id, first=2, after=after))["execution"]["conversation"]
        seen += [node["ordinal"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == [1, 2, 3, 4, 5]
    beyond = (await ask(CONVERSATION, id=execution_id, after=after))["execution"]["conversation"]
    assert beyond["edges"] == [] and beyond["pageInfo"]["hasPreviousPage"]


async def test_the_page_and_its_length_are_two_statements_for_any_number_of_executions(
    ask: Any, db: Database
) -> None:
    for _ in range(3):
        await told(db)
    with statements_sent() as sent:
        found = await ask("{ executions { nodes { conversation { totalCount nodes { ordinal } } } } }")
    assert [len(one["conversation"]["nodes"]) for one in found["executions"]["nodes"]] == [5, 5, 5]
    assert len([text for text in sent if "execution_messages" in text]) == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"first": 0}, "PAGE_SIZE"),
        ({"first": 201}, "PAGE_SIZE"),
        ({"after": "nonsense"}, "INVALID_CURSOR"),
        ({"after": "cmV2aXNpb25zCjE"}, "INVALID_CURSOR"),
        ({"after": "Y29udmVyc2F0aW9uCjk5OTk5OTk5OTk"}, "INVALID_CURSOR"),
        ({"after": "Y29udmVyc2F0aW9uCi0x"}, "INVALID_CURSOR"),
    ],
)
async def test_bad_pages_are_refused(refuse: Any, db: Database, arguments: dict[str, Any], code: str) -> None:
    execution_id = str(await told(db))
    assert (await refuse(CONVERSATION, id=execution_id, **arguments))[0] == code


async def test_every_message_is_an_event_with_its_entry(watch: Any, db: Database) -> None:
    execution_id = await told(db, 2)
    assert await state_machine.finish(db, execution_id, ending(ExecutionStatus.FAILED)) is not None
    async with watch(EVENTS, id=str(execution_id)) as items:
        found = [item["executionEvents"] async for item in items]
    entries = [(item["seq"], item["entry"]) for item in found if item["kind"] == "MESSAGE"]
    assert [(seq, one["ordinal"], one["kind"], one["turn"]) for seq, one in entries] == [
        (3, 1, "RESPONSE", 1),
        (4, 2, "RESPONSE", 2),
    ]
    assert entries[0][1]["data"] == message(1).data
    assert {item["entry"] is None for item in found if item["kind"] != "MESSAGE"} == {True}
    assert found[-1]["execution"]["usage"] == {"turns": 2, "inputTokens": 10}


async def test_without_a_model_there_is_no_conversation_and_no_usage(ask: Any, db: Database) -> None:
    execution_id = str(await running(db))
    found = await ask(
        "query ($id: ID!) { execution(id: $id) { usage { turns } conversation { totalCount nodes { kind } } } }",
        id=execution_id,
    )
    assert found["execution"] == {"usage": None, "conversation": {"totalCount": 0, "nodes": []}}
    assert (await ask("query ($id: ID!) { execution(id: $id) { id } }", id=str(uuid.uuid4())))[
        "execution"
    ] is None
