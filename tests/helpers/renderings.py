"""Samples of rendered texts, and short constructors of steps and tool calls."""

from __future__ import annotations

import datetime as dt
from typing import Any

from store.model import Step, ToolCall, ToolCallStatus
from tests.helpers.places import REPOSITORY

SAMPLES = REPOSITORY / "tests" / "schema" / "renderings" / "samples"
NOON = dt.datetime(2025, 10, 30, 12, tzinfo=dt.UTC)
USER = "9StANvGCH7f1oB8CMzThSuyEj6v4PGkwbgjyZVVQQjpq"
FRIEND = "4RfnJuMwcLVznc7ZxjFbzAiuYzY46R5dC5wzGKrAWwVe"
SOL = "So11111111111111111111111111111111111111112"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
TOKEN = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"


def sample(name: str) -> str:
    return (SAMPLES / name).read_text(encoding="utf-8")


def call(name: str, params: Any = None, result: Any = None, **fields: Any) -> ToolCall:
    given = {"ordinal": 1, "raw_name": name, "status": ToolCallStatus.SUCCESS, "started_at": None}
    others = {"ended_at": None, "duration_ms": None, "error_message": None}
    return ToolCall(**{**given, **others, "name": name, "params": params, "result": result, **fields})


def step(action: Any = (), info: Any = None, **observation: Any) -> Step:
    return Step(1, None, action, observation, {} if info is None else info)


def logged(*lines: str, error: str | None = None) -> Step:
    return step(last_transaction_logs=list(lines), last_transaction_error=error)
