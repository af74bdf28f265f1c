"""What vendors answer, as recorded in tests/data/vendor_answers, and what becomes of each answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import yaml
from aiohttp import web

from runner_bridge.formats.agents.agent_settings import LlmSettings
from runner_bridge.local_runner.agents.anthropic_messages import AnthropicMessages
from runner_bridge.local_runner.agents.chat import ChatProtocol, EndpointFailure, Reply
from runner_bridge.local_runner.agents.endpoint import Endpoint, Tries
from runner_bridge.local_runner.agents.openai_chat import OpenAiChat
from runner_bridge.local_runner.agents.settings import ConfiguredAgent
from runner_bridge.local_runner.transcript import Transcript
from runner_bridge.redaction import Secrets
from tests.helpers.places import DATA

PROTOCOLS: dict[str, type[ChatProtocol]] = {"openai": OpenAiChat, "anthropic": AnthropicMessages}
JsonMap = dict[str, Any]


def recorded() -> list[Any]:
    """Every answer of every file, with its protocol."""
    found = []
    for path in sorted((DATA / "vendor_answers").glob("*.yml")):
        vendor = yaml.safe_load(path.read_text(encoding="utf-8"))
        for answer in vendor["answers"]:
            case = {"protocol": vendor["protocol"], **answer}
            found.append(pytest.param(case, id=f"{path.stem}: {answer['name']}"))
    return found


@asynccontextmanager
async def endpoint_that_answers(case: JsonMap, directory: Path) -> AsyncIterator[Endpoint]:
    """A client of a server that gives the recorded answer to everything."""

    async def give(_: web.Request) -> web.Response:
        headers = {"Content-Type": "application/json", **case.get("headers", {})}
        return web.Response(status=case.get("status", 200), body=case["body"].encode(), headers=headers)

    application = web.Application()
    application.router.add_post("/{path:.*}", give)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        settings = LlmSettings(url=f"http://127.0.0.1:{runner.addresses[0][1]}/v1", model="m", retries=0)
        agent, secrets = ConfiguredAgent("x", settings), Secrets({})
        transcript = Transcript(directory, "t", secrets)
        yield Endpoint(agent, PROTOCOLS[case["protocol"]](), secrets, transcript, Tries())
    finally:
        await runner.cleanup()


async def ask(case: JsonMap, directory: Path) -> Reply:
    async with endpoint_that_answers(case, directory) as endpoint:
        return await asyncio.to_thread(endpoint.ask, {}, monotonic() + 100, {"reev.turn": 1})


def sent_back(case: JsonMap) -> JsonMap | None:
    """The message as the vendor wants it back: unchanged, except for the ids that it did not give."""
    answer = json.loads(case["body"])
    if case["protocol"] == "anthropic":
        return {"role": "assistant", "content": answer["content"]} if answer["content"] else None
    message: JsonMap = answer["choices"][0]["message"]
    return message


@pytest.mark.parametrize("case", recorded())
async def test_each_recorded_answer_has_its_outcome(case: JsonMap, tmp_path: Path) -> None:
    if expected := case.get("failure"):
        with pytest.raises(EndpointFailure) as caught:
            await ask(case, tmp_path)
        failure = caught.value
        assert (failure.kind, failure.is_passing) == (expected["kind"], expected.get("passes", False))
        assert expected["says"] in failure.message
        return
    reply, expected = await ask(case, tmp_path), case["reply"]
    calls = expected.get("calls", [])
    assert [(call.name, call.arguments) for call in reply.calls] == [
        (name, given) for _, name, given in calls
    ]
    for call, (id_, _, _) in zip(reply.calls, calls, strict=True):
        assert call.id == id_ if id_ else len(call.id) == 9
    assert reply.text == expected.get("text", "")
    assert reply.finish_reason == expected["finish_reason"]
    usage = reply.usage
    assert [usage.input, usage.output, usage.cached, usage.reasoning] == expected["tokens"]
    message = sent_back(case)
    for call, given in zip(reply.calls, (message or {}).get("tool_calls") or [], strict=False):
        given["id"] = call.id
    assert reply.message == message
