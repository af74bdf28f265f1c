"""Sends a request to an agent's endpoint, and explains what is wrong when the answer is not as expected.

An address that ends in /gen/tx is reev's agent service: its /health is requested. Every other address is asked in
the agent's protocol: with a model for the smallest answer in a chat with a tool, as an agent asks, at the price of
one token; without a model for the list of models.

The caller chooses the address, so the request is kept harmless (runner_bridge/outgoing.py). Redirects are not
followed. Of the answer a limited number of bytes is read, and one sentence is shown.
"""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from runner_bridge.agents.configurations import Endpoint
from runner_bridge.formats.agents import chat_endpoints
from runner_bridge.formats.agents.agent_settings import ModelProtocol, ModelSettings
from runner_bridge.outgoing import (
    ConnectionProblem,
    ConnectionProblemKind,
    guarded_session,
    problem_of,
    quoted,
)
from runner_bridge.redaction import redact, redact_bytes
from store.records import record

TIMEOUT_S = 20.0
"""Long enough for a local model that has to be loaded first."""

MAX_ANSWER_BYTES = 2 * 1024 * 1024
"""Enough for a list of models, the longest answer that is expected."""

AGENT_SERVICE_PATH = "/gen/tx"
_PING = {"type": "object", "properties": {}, "additionalProperties": False}
_TOOL = {"name": "ping", "description": "Answers."}


@record
class ConnectionReport:
    """The result of the request to `url`; `problem` is None when the endpoint answered as expected."""

    url: str
    latency_ms: int
    http_status: int | None
    problem: ConnectionProblem | None


@record
class _Request:
    method: str
    url: str
    headers: dict[str, str]
    body: Any
    answers_with: str | None = None
    """The key of a list that the answer must have; None when any answer will do."""
    protocol: str = ""


async def check(endpoint: Endpoint, *, timeout_s: float = TIMEOUT_S) -> ConnectionReport:
    """Sends one request. Every outcome is in the report; the API key never is."""
    request = _request(endpoint)
    secret = {"apiKey": endpoint.api_key or ""}
    began = time.monotonic()
    status: int | None = None
    problem: ConnectionProblem | None
    try:
        async with (
            asyncio.timeout(timeout_s),
            guarded_session() as session,
            _sent(session, request) as response,
        ):
            status = response.status
            body = await _read_bounded(response)
            # Before anything of it is quoted: part of a key would not be recognised any more.
            problem = _judge(request, response, None if body is None else redact_bytes(body, secret))
    except TimeoutError:
        problem = _problem("TIMEOUT", f"No answer within {time.monotonic() - began:.1f} seconds")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        problem = problem_of(error, request.url)
    latency_ms = round((time.monotonic() - began) * 1000)
    if problem is not None:
        problem = ConnectionProblem(problem.kind, redact(problem.message, secret))
    return ConnectionReport(request.url, latency_ms, status, problem)


def _request(endpoint: Endpoint) -> _Request:
    accept, protocol = {"Accept": "application/json"}, endpoint.settings.protocol
    base = endpoint.api_url.rstrip("/")
    if base.endswith(AGENT_SERVICE_PATH):
        key = {"X-API-Key": endpoint.api_key} if endpoint.api_key else {}
        return _Request("GET", base.removesuffix(AGENT_SERVICE_PATH) + "/health", accept | key, None)
    headers = accept | chat_endpoints.headers(protocol, endpoint.api_key)
    if endpoint.model is None:
        url = chat_endpoints.base_url(protocol, base) + "/models"
        return _Request("GET", url, headers, None, "data", protocol)
    answers_with = "choices" if protocol is ModelProtocol.OPENAI else "content"
    url, body = chat_endpoints.chat_url(protocol, base), _question(endpoint.model, endpoint.settings)
    return _Request("POST", url, headers, body, answers_with, protocol)


def _question(model: str, settings: ModelSettings) -> dict[str, Any]:
    """The body of a request as an agent sends it, but with one short message, one tool, and room for one token."""
    sampling: dict[str, Any] = {"temperature": settings.temperature, "top_p": settings.top_p}
    if settings.protocol is ModelProtocol.OPENAI:
        tool: dict[str, Any] = {"type": "function", "function": {**_TOOL, "parameters": _PING}}
        sampling["seed"] = settings.seed
    else:
        tool = {**_TOOL, "input_schema": _PING}
        sampling["system"] = "You are asked whether you answer."
    limit = {} if "max_completion_tokens" in settings.parameters else {"max_tokens": 1}
    return {
        "model": model,
        "messages": [{"role": "user", "content": "ping"}],
        "tools": [tool],
        **limit,
        **{name: value for name, value in sampling.items() if value is not None},
        **settings.parameters,
    }


def _sent(session: aiohttp.ClientSession, request: _Request) -> Any:
    return session.request(
        request.method, request.url, headers=request.headers, json=request.body, allow_redirects=False
    )


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes | None:
    """The body; None when it is longer than MAX_ANSWER_BYTES."""
    chunks, size = [], 0
    async for chunk in response.content.iter_chunked(64 * 1024):
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _judge(
    request: _Request, response: aiohttp.ClientResponse, body: bytes | None
) -> ConnectionProblem | None:
    status = response.status
    match status:
        case _ if 200 <= status < 300:
            return _judge_answer(request, body)
        case _ if 300 <= status < 400:
            target = urlsplit(response.headers.get("Location", "")).hostname or "another path"
            return _problem(
                "REDIRECT",
                f"It redirects to {quoted(target)}, which is not followed: save the right address",
            )
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return _problem("UNAUTHORIZED", "It does not accept the API key", status, body)
        case HTTPStatus.NOT_FOUND:
            return _problem("NOT_FOUND", "It does not know this path or model", status, body)
        case HTTPStatus.TOO_MANY_REQUESTS:
            return _problem("RATE_LIMITED", "It takes no more requests just now", status, body)
        case _ if status >= 500:
            return _problem("SERVER_ERROR", "It failed", status, body)
        case _:
            return _problem("REJECTED", "It rejects the request", status, body)


def _judge_answer(request: _Request, body: bytes | None) -> ConnectionProblem | None:
    if body is None:
        return _problem("BAD_ANSWER", f"Its answer is longer than {MAX_ANSWER_BYTES} bytes")
    if request.answers_with is None:
        return None
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _problem("BAD_ANSWER", "Its answer is not JSON: is this the address of the API?")
    if isinstance(answer, dict) and answer.get("error"):
        return _problem("REJECTED", "It answers with an error", body=body)
    if not isinstance(answer, dict) or not isinstance(answer.get(request.answers_with), list):
        return _problem(
            "BAD_ANSWER",
            f"Its answer has no list of `{request.answers_with}`: it does not speak the protocol "
            f"{request.protocol} at this path",
        )
    return None


def _problem(
    kind: str, message: str, status: int | None = None, body: bytes | None = None
) -> ConnectionProblem:
    if status is not None:
        message += f" (HTTP {status})"
    if said := _error_in(body):
        message += f": {said}"
    return ConnectionProblem(ConnectionProblemKind(kind), message)


def _error_in(body: bytes | None) -> str | None:
    """The message in an error body of a usual shape; None for any other body."""
    try:
        answer = orjson.loads(body or b"")
    except orjson.JSONDecodeError:
        return None
    error = answer.get("error", answer.get("message")) if isinstance(answer, dict) else None
    said = error.get("message") if isinstance(error, dict) else error
    return quoted(said) if isinstance(said, str) and said else None
