"""Asks a model's endpoint: tries again what may pass, and tells apart what went wrong. Each try is recorded."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from http.client import HTTPException
from ssl import SSLError
from typing import Any
from urllib.parse import urlsplit

from runner_bridge.formats.agents import chat_endpoints
from runner_bridge.formats.agents.endpoint_addresses import ForbiddenAddress
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.strict_json import load_json
from runner_bridge.local_runner.agents.chat import (
    ChatProtocol,
    EndpointFailure,
    FailureKind,
    Json,
    Reply,
    bad_answer,
)
from runner_bridge.local_runner.agents.endpoint_errors import failure_of, retry_after, unreachable_reason
from runner_bridge.local_runner.agents.http_post import HttpAnswer, TooLong, post
from runner_bridge.local_runner.agents.settings import ConfiguredAgent
from runner_bridge.local_runner.transcript import Transcript
from runner_bridge.redaction import Secrets

MAX_ANSWER_BYTES = 8 * 1024 * 1024
MAX_LOCATION = 200
MAX_BACKOFF_S = 60.0
_RANDOM = random.SystemRandom()


@dataclass(slots=True)
class Tries:
    """Requests that were sent, those of them that repeated one, and the time spent waiting before them."""

    requests: int = 0
    retries: int = 0
    waited_s: float = 0.0


class Endpoint:
    """An agent's endpoint."""

    def __init__(
        self,
        agent: ConfiguredAgent,
        protocol: ChatProtocol,
        secrets: Secrets,
        transcript: Transcript,
        tries: Tries,
    ) -> None:
        self._agent = agent
        self._protocol = protocol
        self._secrets = secrets
        self._transcript = transcript
        self._tries = tries
        self._url = chat_endpoints.chat_url(agent.settings.protocol, agent.settings.url)

    def ask(self, body: Json, deadline: float, facts: Json) -> Reply:
        """The model's answer to `body`, before `deadline` of the monotonic clock. Raises EndpointFailure.

        `facts` is what the transcript says about the request; its content is written with the first try alone.
        """
        data = json.dumps(body).encode()
        for attempt in range(1, self._agent.settings.retries + 2):
            self._record_request(facts if attempt == 1 else {"reev.turn": facts["reev.turn"]}, attempt, data)
            began = time.monotonic()
            try:
                answer = self._answer(data, deadline)
                reply = self._protocol.read(answer)
            except _Failed as failed:
                failure, wait = failed.failure, failed.wait
            except EndpointFailure as error:
                failure, wait = error, None
            else:
                self._record_response(facts["reev.turn"], reply, began)
                return reply
            again = self._wait_before_next(failure, wait, attempt, deadline)
            self._record_error(facts["reev.turn"], failure, again)
            if again is None:
                raise failure
            self._tries.waited_s += again
            self._tries.retries += 1
            time.sleep(again)
        raise AssertionError("the last try raises or returns")

    def _wait_before_next(
        self, failure: EndpointFailure, asked: float | None, attempt: int, deadline: float
    ) -> float | None:
        """Seconds to wait before the next try; None when there is none."""
        if not failure.is_passing or attempt > self._agent.settings.retries:
            return None
        backoff = min(MAX_BACKOFF_S, 2.0 ** (attempt - 1)) * _RANDOM.uniform(0.5, 1.0)
        wait = backoff if asked is None else asked
        return wait if time.monotonic() + wait < deadline else None

    def _answer(self, data: bytes, deadline: float) -> Json:
        limit = min(self._agent.settings.request_timeout_ms / 1000, deadline - time.monotonic())
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Connection": "close",
            **chat_endpoints.headers(self._agent.settings.protocol, self._agent.api_key),
        }
        self._tries.requests += 1
        try:
            answer = post(self._url, data, headers, limit, MAX_ANSWER_BYTES)
        except TimeoutError:
            message = f"no answer within {limit:.1f} seconds"
            raise EndpointFailure(FailureKind.TIMEOUT, message, is_passing=True) from None
        except TooLong:
            raise bad_answer(f"the answer is longer than {MAX_ANSWER_BYTES} bytes") from None
        except (HTTPException, OSError, ValueError) as error:
            raise self._unreachable(error) from None
        return self._judged(answer)

    def _judged(self, answer: HttpAnswer) -> Json:
        status = answer.status
        if 300 <= status < 400:
            target = self._secrets.removed(answer.headers.get("Location", "nowhere"))[:MAX_LOCATION]
            raise bad_answer(f"the endpoint redirects to {target}, which is not followed")
        tree = self._tree(answer.content)
        if status >= 400 or (isinstance(tree, dict) and tree.get("error")):
            raise _Failed(failure_of(status, tree), retry_after(answer.headers))
        if not isinstance(tree, dict):
            kind = self._secrets.removed(answer.headers.get("Content-Type", "of no type"))
            raise bad_answer(f"the answer ({kind}) is no JSON object: is this the address of the API?")
        return tree

    def _tree(self, content: bytes) -> Any:
        """The body without secrets; None when it is not JSON."""
        try:
            return self._secrets.removed_from_tree(load_json(content, "answer"))
        except FormatError:
            return None

    def _unreachable(self, error: Exception) -> EndpointFailure:
        parts = urlsplit(self._url)
        place = f"{parts.scheme}://{parts.netloc}"
        passing = not isinstance(error, ForbiddenAddress | SSLError | ValueError)
        message = self._secrets.removed(f"{place} cannot be reached: {unreachable_reason(error)}")
        return EndpointFailure(FailureKind.UNREACHABLE, message, is_passing=passing)

    def _record_request(self, facts: Json, attempt: int, data: bytes) -> None:
        parts, settings = urlsplit(self._url), self._agent.settings
        self._transcript.write(
            "request",
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": settings.protocol,
                "gen_ai.request.model": settings.model,
                "gen_ai.request.temperature": settings.temperature,
                "gen_ai.request.top_p": settings.top_p,
                "gen_ai.request.seed": self._agent.seed,
                "gen_ai.request.max_tokens": settings.max_tokens,
                "server.address": parts.hostname,
                "server.port": parts.port,
                **facts,
                "reev.try": attempt,
                "reev.request.bytes": len(data),
            },
        )

    def _record_response(self, turn: int, reply: Reply, began: float) -> None:
        parts: list[Json] = [{"type": "text", "content": reply.text}] if reply.text else []
        parts += [
            {"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments}
            for call in reply.calls
        ]
        message = {"role": "assistant", "parts": parts, "finish_reason": reply.finish_reason}
        self._transcript.write(
            "response",
            {
                "reev.turn": turn,
                "gen_ai.response.id": reply.id,
                "gen_ai.response.model": reply.model,
                "gen_ai.response.finish_reasons": [reply.finish_reason],
                "gen_ai.output.messages": [message],
                "gen_ai.usage.input_tokens": reply.usage.input,
                "gen_ai.usage.output_tokens": reply.usage.output,
                "reev.usage.cached_tokens": reply.usage.cached,
                "reev.usage.reasoning_tokens": reply.usage.reasoning,
                "reev.latency_ms": round((time.monotonic() - began) * 1000),
            },
        )

    def _record_error(self, turn: int, failure: EndpointFailure, again: float | None) -> None:
        self._transcript.write(
            "error",
            {
                "reev.turn": turn,
                "error.type": failure.kind.value,
                "http.response.status_code": failure.status,
                "reev.message": failure.message,
                "reev.next_try_s": None if again is None else round(again, 3),
            },
        )


class _Failed(Exception):
    """A failure, and the seconds after which the endpoint wants to be asked again."""

    def __init__(self, failure: EndpointFailure, wait: float | None) -> None:
        super().__init__(str(failure))
        self.failure = failure
        self.wait = wait
