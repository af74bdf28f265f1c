"""The endpoint of the tiny model refuses what others refuse, and tells of tools to a model that knows none."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from graphql import parse, validate

from schema import build_schema
from tools.tiny_model import packages, trials
from tools.tiny_model.endpoint import MAX_BODY_BYTES, MAX_WAITING, MODEL, Endpoint
from tools.tiny_model.llama import Answer, Json, Llama, ModelError, Sampling

PAY = {"tool": "pay", "arguments": {"amount": "0.1"}}
PAYMENT = {"type": "object", "properties": {"amount": {"type": "string"}}, "required": ["amount"]}
TOOLS = [
    {"type": "function", "function": {"name": name, "description": f"Does {name}.", "parameters": PAYMENT}}
    for name in ("pay", "memo")
]
ASK: Json = {"model": MODEL, "messages": [{"role": "user", "content": "Pay 0.1."}]}


class Parrot(Llama):
    """Says `text`, once `may_speak` is set; keeps what it was asked."""

    def __init__(self, text: str = "Hello.") -> None:
        self.text = text
        self.may_speak = threading.Event()
        self.may_speak.set()
        self.asked: list[tuple[list[Json], Sampling, Json | None]] = []

    def answer(self, messages: list[Json], sampling: Sampling, schema: Json | None) -> Answer:
        assert self.may_speak.wait(60)
        self.asked.append((messages, sampling, schema))
        if self.text == "too long":
            raise ModelError(
                400, {"code": 400, "message": "exceeds the context", "type": "exceed_context_size_error"}
            )
        usage = {"prompt_tokens": 20, "completion_tokens": 7, "total_tokens": 27, "timings": {}}
        return Answer(self.text, "stop", usage)


@pytest.fixture
async def model() -> Parrot:
    return Parrot()


@pytest.fixture
async def client(model: Parrot) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(Endpoint(model).application())) as client:
        yield client


async def ask(client: TestClient[Any, Any], **changes: Any) -> tuple[int, Json]:
    async with client.post("/v1/chat/completions", json={**ASK, **changes}) as response:
        return response.status, await response.json()


async def test_a_text(client: TestClient[Any, Any], model: Parrot) -> None:
    status, answer = await ask(client, temperature=0, seed=3, max_tokens=5)
    assert status == 200
    assert answer["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}
    ]
    assert answer["usage"] == {"prompt_tokens": 20, "completion_tokens": 7, "total_tokens": 27}
    assert model.asked == [(ASK["messages"], Sampling(0, 1, 3, 5), None)]


async def test_a_call(client: TestClient[Any, Any], model: Parrot) -> None:
    model.text = json.dumps(PAY)
    status, answer = await ask(client, tools=TOOLS)
    assert status == 200
    (choice,) = answer["choices"]
    assert choice["finish_reason"] == "tool_calls"
    (call,) = choice["message"]["tool_calls"]
    assert call["function"] == {"name": "pay", "arguments": '{"amount": "0.1"}'}
    messages, _, schema = model.asked[0]
    assert "- pay(amount): Does pay." in messages[0]["content"]
    assert schema is not None
    names = [form["properties"].get("tool", {}).get("const") for form in schema["anyOf"]]
    assert names == ["pay", "memo", None]


async def test_a_call_that_must_be(client: TestClient[Any, Any], model: Parrot) -> None:
    model.text = json.dumps(PAY)
    await ask(client, tools=TOOLS, tool_choice="required")
    await ask(client, tools=TOOLS, tool_choice={"type": "function", "function": {"name": "pay"}})
    await ask(client, tools=TOOLS, tool_choice="none")
    required, named, none = [schema for _, _, schema in model.asked]
    assert required is not None and len(required["anyOf"]) == 2
    assert named is not None and named["properties"]["tool"] == {"const": "pay"}
    assert none is None


async def test_a_call_that_was_cut_short_stays_a_text(client: TestClient[Any, Any], model: Parrot) -> None:
    model.text = '{"tool": "pay", "argum'
    _, answer = await ask(client, tools=TOOLS)
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": model.text}


async def test_a_conversation_with_a_result_goes_on(client: TestClient[Any, Any], model: Parrot) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "pay", "arguments": "{}"}}
    said = {"role": "assistant", "content": None, "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "c1", "content": "Paid."}
    model.text = '{"answer": "Done."}'
    status, answer = await ask(client, messages=[*ASK["messages"], said, result], tools=TOOLS)
    assert (status, answer["choices"][0]["message"]["content"]) == (200, "Done.")
    roles = [message["role"] for message in model.asked[0][0]]
    assert roles == ["system", "user", "assistant", "user"]


ORPHAN = {"role": "tool", "tool_call_id": "c9", "content": "Paid."}


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"model": "gpt-5"}, 404, "does not exist"),
        ({"messages": []}, 400, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, 400, "messages.0"),
        ({"messages": [ORPHAN]}, 400, "answers no call"),
        ({"temperature": 3}, 400, "temperature"),
        ({"temperature": "0"}, 400, "temperature"),
        ({"stream": True}, 400, "stream"),
        ({"magic": 1}, 400, "magic"),
        ({"tools": []}, 400, "tools"),
        ({"tool_choice": "required"}, 400, "there are no tools"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "x"}}}, 400, "not among"),
    ],
)
async def test_a_request_that_is_refused(
    changes: Json, status: int, words: str, client: TestClient[Any, Any], model: Parrot
) -> None:
    got, answer = await ask(client, **changes)
    assert got == status
    assert words in answer["error"]["message"]
    assert model.asked == []


async def test_other_paths_methods_and_bodies(client: TestClient[Any, Any]) -> None:
    chat = "/v1/chat/completions"
    large = {"data": b" " * (MAX_BODY_BYTES + 1)}
    page = {"json": ASK, "headers": {"Origin": "https://evil.example"}}
    cases: list[tuple[str, str, Any, int]] = [
        ("GET", "/v1/chat", {}, 404),
        ("GET", chat, {}, 405),
        ("POST", chat, {"data": b"{"}, 400),
        ("POST", chat, {"data": b"[]"}, 400),
        ("POST", chat, large, 413),
        ("POST", chat, page, 403),
    ]
    for method, path, more, status in cases:
        async with client.request(method, path, **more) as response:
            assert response.status == status
            assert (await response.json())["error"]["message"]
    async with client.get("/v1/models") as response:
        assert [model["id"] for model in (await response.json())["data"]] == [MODEL]


async def test_too_long_a_conversation(client: TestClient[Any, Any], model: Parrot) -> None:
    model.text = "too long"
    status, answer = await ask(client)
    assert (status, answer["error"]["type"]) == (400, "exceed_context_size_error")


async def test_conversations_wait_for_each_other_and_too_many_are_sent_away(
    client: TestClient[Any, Any], model: Parrot
) -> None:
    model.may_speak.clear()
    tasks = [asyncio.create_task(ask(client)) for _ in range(MAX_WAITING + 1)]
    (done, waiting) = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    (refused,) = done
    assert refused.result()[0] == 429
    model.may_speak.set()
    assert [status for status, _ in await asyncio.gather(*waiting)] == [200] * MAX_WAITING


@pytest.mark.parametrize("document", [trials.SAVE, trials.RUN, trials.RESULT])
def test_the_documents_fit_the_schema(document: str) -> None:
    assert validate(build_schema()._schema, parse(document)) == []


def test_without_the_packages_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_INSTALLED", packages.DIRECTORY / "not-there")
    before = list(sys.path)
    with pytest.raises(packages.PackagesMissing, match="`make tiny` installs it"):
        packages.require()
    assert sys.path == before
