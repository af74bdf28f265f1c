"""Serves the model on loopback, as strict as a real endpoint: one conversation at a time, the others wait.

    python -m tools.tiny_model.endpoint [--port PORT]

Prints its address when it is ready, and ends at Ctrl-C. It takes `/v1/chat/completions` and `/v1/models`, no key,
and no other page's requests.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import secrets
import signal
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web
from pydantic import ValidationError

from tests.helpers.chat_requests import conversation_problem
from tools.tiny_model import packages
from tools.tiny_model.llama import MAX_ANSWER_TOKENS, Answer, Json, Llama, ModelError, Sampling
from tools.tiny_model.requests import ChatRequest
from tools.tiny_model.tool_calls import answer_message, answer_schema, offered, plain_messages

MODEL = "smollm2-135m"
PORT = 8135
MAX_BODY_BYTES = 256 * 1024
MAX_WAITING = 16
"""Requests beyond it are told to come again."""

RETRY_AFTER_S = 5
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refused(Exception):
    """A request that gets an error, in the form of OpenAI's."""

    def __init__(self, status: int, message: str, code: str | None = None, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": "invalid_request_error", "code": code, **more}}


class Endpoint:
    """The pages of the endpoint."""

    def __init__(self, model: Llama) -> None:
        self._model = model
        # One thread: the queue before it is the queue before the model.
        self._thread = ThreadPoolExecutor(1)
        self._waiting = 0
        # For requests without a seed, so that what happens after a start can happen again.
        self._seeds = itertools.count(1)

    def application(self) -> web.Application:
        """The application, with errors in OpenAI's form."""
        application = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[_errors])
        application.router.add_get("/v1/models", self.models)
        application.router.add_post("/v1/chat/completions", self.chat)
        return application

    async def models(self, request: web.Request) -> web.Response:
        """The one model that there is."""
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "HuggingFaceTB"}
        return web.json_response({"object": "list", "data": [model]})

    async def chat(self, request: web.Request) -> web.Response:
        """The next message of a conversation."""
        asked = _checked(await request.read())
        if self._waiting >= MAX_WAITING:
            raise Refused(429, "too many conversations wait for the model", "rate_limit_exceeded")
        self._waiting += 1
        try:
            return web.json_response(await self._answered(asked))
        finally:
            self._waiting -= 1

    async def _answered(self, asked: ChatRequest) -> Json:
        tools = offered(asked)
        schema = answer_schema(tools, may_answer=asked.tool_choice == "auto")
        messages = plain_messages(asked.messages, tools)
        seed = next(self._seeds) if asked.seed is None else asked.seed
        loop = asyncio.get_running_loop()
        answer: Answer = await loop.run_in_executor(
            self._thread, self._model.answer, messages, _sampling(asked, seed), schema
        )
        message = answer_message(answer.text, tools)
        finish = "tool_calls" if "tool_calls" in message else answer.finish_reason
        usage = {name: answer.usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
        return {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": MODEL,
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": usage,
        }


def _checked(body: bytes) -> ChatRequest:
    try:
        asked = ChatRequest.model_validate(json.loads(body))
        if problem := conversation_problem(asked.messages):
            raise Refused(400, problem)
        offered(asked)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise Refused(400, f"{place}: {first['msg']}" if place else first["msg"]) from None
    except ValueError as error:
        raise Refused(400, str(error)) from None
    if asked.model != MODEL:
        raise Refused(
            404, f"the model {asked.model[:100]!r} does not exist; there is {MODEL}", "model_not_found"
        )
    return asked


def _sampling(asked: ChatRequest, seed: int) -> Sampling:
    most = asked.max_completion_tokens or asked.max_tokens or MAX_ANSWER_TOKENS
    return Sampling(asked.temperature, asked.top_p, seed, min(most, MAX_ANSWER_TOKENS))


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        if "Origin" in request.headers:
            raise Refused(403, "requests of web pages are not taken")
        return await handler(request)
    except Refused as refused:
        headers = {"Retry-After": str(RETRY_AFTER_S)} if refused.status == 429 else {}
        return web.json_response(refused.body, status=refused.status, headers=headers)
    except ModelError as error:
        return web.json_response({"error": error.body}, status=error.status)
    except web.HTTPException as error:
        body = Refused(error.status, f"{request.method} {request.path}: {error.reason}").body
        allowed = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return web.json_response(body, status=error.status, headers=allowed)


async def serve(port: int, ready: Callable[[str], None]) -> None:
    """Serves until Ctrl-C or SIGTERM; `ready` gets the address. Raises PackagesMissing or OSError."""
    packages.require()
    # Where port 0 takes a free one, or the port is taken: known before the model is loaded.
    runner = web.AppRunner(
        Endpoint(await asyncio.to_thread(Llama, packages.WEIGHTS)).application(), access_log=None
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    ready(f"http://127.0.0.1:{runner.addresses[0][1]}/v1")
    await told.wait()
    # An answer that is being written is not waited for: nobody can stop llama.cpp in the middle of one.
    os._exit(0)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.tiny_model.endpoint")
    parser.add_argument("--port", type=int, default=PORT, help=f"default {PORT}; 0 takes a free one")
    port = parser.parse_args().port
    try:
        asyncio.run(serve(port, lambda address: print(address, flush=True)))
    except packages.PackagesMissing as problem:
        raise SystemExit(str(problem)) from None
    except OSError as error:
        raise SystemExit(f"cannot listen on port {port}: {error.strerror}") from None


if __name__ == "__main__":
    main()
