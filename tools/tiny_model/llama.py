"""The model itself: one conversation at a time, in this process, on one thread."""

from __future__ import annotations

import importlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONTEXT_TOKENS = 4_096
MAX_ANSWER_TOKENS = 200
Json = dict[str, Any]


class ModelError(Exception):
    """The model took no such conversation: `body` is what llama.cpp says, `status` the HTTP status for it."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(str(body.get("message")))
        self.status = status
        self.body = body


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen, and how many at most."""

    temperature: float
    top_p: float
    seed: int
    max_tokens: int


@dataclass(frozen=True)
class Answer:
    """What the model wrote, why it stopped, and the tokens it took."""

    text: str
    finish_reason: str
    usage: Json


class Llama:
    """Loads the weights, which takes some seconds."""

    def __init__(self, weights: Path) -> None:
        xllamacpp: Any = importlib.import_module("xllamacpp")
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(weights)
        parameters.n_ctx = CONTEXT_TOKENS
        parameters.n_parallel = 1
        parameters.use_jinja = True
        parameters.warmup = False
        parameters.offline = True
        parameters.verbosity = 1
        # It opens a port of its own, which nothing uses; so nobody gets the key.
        parameters.api_keys = [secrets.token_hex(16)]
        # More threads than free cores slow it down by a factor of seven, and so does polling for work.
        for threads in (parameters.cpuparams, parameters.cpuparams_batch):
            threads.n_threads = 1
            threads.poll = 0
        self._server = xllamacpp.Server(parameters)

    def answer(self, messages: list[Json], sampling: Sampling, schema: Json | None) -> Answer:
        """The answer to `messages`, in the form of `schema` when there is one. Blocks; raises ModelError."""
        request: Json = {
            "messages": messages,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
            "max_tokens": sampling.max_tokens,
        }
        if schema is not None:
            request["response_format"] = {"type": "json_schema", "json_schema": {"schema": schema}}
        done = self._server.handle_chat_completions(request)
        if "error" in done:
            raise ModelError(done["error"].get("code", 500), done["error"])
        choice = done["choices"][0]
        return Answer(choice["message"]["content"] or "", choice["finish_reason"], done["usage"])
