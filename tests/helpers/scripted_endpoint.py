"""A model's endpoint that answers from a script, and refuses what the real interfaces refuse.

    python -m tests.helpers.scripted_endpoint --protocol=openai --script=FILE --log=FILE [--certificate=FILE]

Listens on a free port of 127.0.0.1 and prints it. Each request is validated strictly against the published shape
of its interface; one that is wrong gets status 400 and a reason. The script is a list, one item per right request:

    {"text": …, "calls": [{"name": …, "arguments": object or text, "id": …}], "finish": …, "extra": {…}}
    {"status": 429, "headers": {…}, "body": value or text}
    {"huge": bytes} · {"hang": true} · {"cut": "headers" or "body"} · {"drip": true}

An item with `"cue": FILE` waits until the file exists. `extra` is merged into the message, `"times": n` repeats an
item. `cut` closes the connection before the headers or within the body; `drip` sends a byte every tenth of a
second, without end. After the last item the status is 418. Each request is appended to the log as a line of JSON:
path, body, and what was wrong with it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.helpers.chat_requests import problem_of
from tests.helpers.patience import until
from tests.helpers.places import REPOSITORY

API_KEY = "sk-scripted-canary-0123456789"
USAGE = {"input": 100, "output": 10, "cached": 40, "reasoning": 3}


class Script:
    """Answers right requests from `items`."""

    def __init__(self, protocol: str, items: list[dict[str, Any]], log: Path) -> None:
        self._protocol = protocol
        self._items = [item for item in items for _ in range(item.get("times", 1))]
        self._log = log
        self._answered = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        problem = problem_of(self._protocol, request.path, dict(request.headers), text, API_KEY)
        line = {"path": request.path, "body": json.loads(text or "null"), "problem": problem}
        self._tell(line)
        if problem is not None:
            return web.json_response(error_body(self._protocol, problem), status=400)
        if not self._items:
            return web.json_response(error_body(self._protocol, "the script is over"), status=418)
        return await self._answer(request, self._items.pop(0))

    def _tell(self, line: dict[str, Any]) -> None:
        with open(self._log, "a") as file:
            file.write(json.dumps(line) + "\n")

    async def _answer(self, request: web.Request, item: dict[str, Any]) -> web.StreamResponse:
        if "cue" in item:
            await until(Path(item["cue"]).exists)
        if "hang" in item:
            await asyncio.sleep(600)
        if "cut" in item or "drip" in item:
            return await self._broken_off(request, item)
        if "huge" in item:
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            await response.prepare(request)
            for _ in range(item["huge"] // 65536 + 1):
                await response.write(b" " * 65536)
            return response
        if "status" in item:
            body = item.get("body", error_body(self._protocol, "scripted"))
            text = body if isinstance(body, str) else json.dumps(body)
            headers = {"Content-Type": "application/json", **item.get("headers", {})}
            return web.Response(status=item["status"], text=text, headers=headers)
        self._answered += 1
        answer = openai_answer if self._protocol == "openai" else anthropic_answer
        return web.json_response(answer(item, self._answered))

    async def _broken_off(self, request: web.Request, item: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Content-Length": "1000000"}
        )
        if item.get("cut") != "headers":
            await response.prepare(request)
            for _ in range(1) if "cut" in item else itertools.repeat(None):
                await response.write(b" ")
                await asyncio.sleep(0.1)
        assert request.transport is not None
        request.transport.abort()
        return response


def error_body(protocol: str, message: str) -> dict[str, Any]:
    error = {"message": message, "type": "invalid_request_error"}
    return {"error": error} if protocol == "openai" else {"type": "error", "error": error}


def openai_answer(item: dict[str, Any], number: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": item.get("text"), "refusal": None}
    calls = item.get("calls", [])
    if calls:
        message["tool_calls"] = [
            {
                "id": call.get("id", f"call_{number}_{index}"),
                "type": "function",
                "function": {"name": call["name"], "arguments": as_text(call["arguments"])},
            }
            for index, call in enumerate(calls)
        ]
    finish = item.get("finish", "tool_calls" if calls else "stop")
    choice = {"index": 0, "message": {**message, **item.get("extra", {})}, "finish_reason": finish}
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "scripted-2026-01-01",
        "choices": item.get("choices", [choice]),
        "usage": {
            "prompt_tokens": USAGE["input"],
            "completion_tokens": USAGE["output"],
            "total_tokens": USAGE["input"] + USAGE["output"],
            "prompt_tokens_details": {"cached_tokens": USAGE["cached"]},
            "completion_tokens_details": {"reasoning_tokens": USAGE["reasoning"]},
        },
    }


def anthropic_answer(item: dict[str, Any], number: int) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": item["text"]}] if item.get("text") else []
    calls = item.get("calls", [])
    for index, call in enumerate(calls):
        given = call["arguments"]
        use = {"type": "tool_use", "name": call["name"], "input": given}
        content.append({**use, "id": call.get("id", f"toolu_{number}_{index}")})
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": "scripted-2026-01-01",
        "content": content,
        "stop_reason": item.get("finish", "tool_use" if calls else "end_turn"),
        "stop_sequence": None,
        "usage": {
            "input_tokens": USAGE["input"] - USAGE["cached"],
            "cache_read_input_tokens": USAGE["cached"],
            "cache_creation_input_tokens": 0,
            "output_tokens": USAGE["output"],
        },
    }


def as_text(arguments: Any) -> Any:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


@dataclass(frozen=True)
class ScriptedEndpoint:
    """A running endpoint."""

    protocol: str
    port: int
    log: Path
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}" + ("/v1" if self.protocol == "openai" else "")

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Path, body and problem of every request so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []


@contextmanager
def scripted_endpoint(
    directory: Path, script: list[dict[str, Any]], protocol: str = "openai", certificate: Path | None = None
) -> Iterator[ScriptedEndpoint]:
    """Starts the endpoint as a process of its own; its files go into `directory`. A certificate gives it TLS."""
    path, log = directory / "script.json", directory / "requests.jsonl"
    path.write_text(json.dumps(script))
    arguments = [f"--protocol={protocol}", f"--script={path}", f"--log={log}"]
    if certificate is not None:
        arguments.append(f"--certificate={certificate}")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.helpers.scripted_endpoint", *arguments],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            scheme = "http" if certificate is None else "https"
            yield ScriptedEndpoint(protocol, int(process.stdout.readline()), log, scheme)
        finally:
            process.kill()


async def serve(script: Script, certificate: str | None) -> None:
    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_route("*", "/{path:.*}", script.handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--protocol", "--script", "--log"):
        parser.add_argument(name, required=True)
    parser.add_argument("--certificate")
    given = parser.parse_args()
    items = json.loads(Path(given.script).read_text())
    asyncio.run(serve(Script(given.protocol, items, Path(given.log)), given.certificate))


if __name__ == "__main__":
    main()
