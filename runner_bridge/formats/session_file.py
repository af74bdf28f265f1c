"""The session file that a runner writes at its end: the result of one execution, step by step.

Every variant upstream has written is read into one shape; `raw` keeps the file's own tree. What is missing is
None, never a default, and a file that is broken anywhere is a FormatError that says where, never half a
result.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from runner_bridge.formats.errors import FormatError, path_text
from runner_bridge.formats.ids import check_id, is_dynamic_id, normalise_benchmark_id
from runner_bridge.formats.models import JsonValue, Model, Path, Tuple, first_problem
from runner_bridge.formats.strict_json import load_json
from runner_bridge.formats.times import from_unix, milliseconds_between
from runner_bridge.formats.tool_logs.tool_call import (
    CallStatus,
    ToolCall,
    call_status,
    normalise_tool_name,
    readable,
)

__all__ = [
    "AccountMeta",
    "FinalResult",
    "Instruction",
    "Observation",
    "SessionFile",
    "SessionStep",
    "parse_session_file",
    "rounded_score",
    "session_steps",
]

Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]


class _WithRaw(Model):
    """A part that keeps its own tree; a key whose value is null counts as missing."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    raw: Any

    @model_validator(mode="before")
    @classmethod
    def _keep_raw(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        return {**{key: value for key, value in raw.items() if value is not None}, "raw": raw}


class AccountMeta(Model):
    """An account of an instruction and the rights it is passed with."""

    pubkey: str
    is_signer: bool
    is_writable: bool


class Instruction(Model):
    """An instruction the agent generated; `data` is base58."""

    program_id: str
    accounts: Tuple[AccountMeta]
    data: str


class Observation(_WithRaw):
    """What was seen after a step. `account_states` and `key_map` are keyed by placeholder or address."""

    last_transaction_status: str | None = None
    last_transaction_error: str | None = None
    last_transaction_logs: Tuple[str] = ()
    account_states: dict[str, dict[str, Any]] = Field(default_factory=dict)
    key_map: dict[str, str] = Field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        return self.last_transaction_status == "Success"


class SessionStep(_WithRaw):
    """One step: what the agent thought and did, and what was observed after it."""

    thought: str | None = None
    action: Tuple[Instruction] = ()
    observation: Observation = Field(default_factory=lambda: Observation(raw={}))
    info: dict[str, Any] = Field(default_factory=dict)


class FinalResult(Model):
    """The verdict. `score` is between 0 and 1, `raw_score` the file's number: up to 100 for dynamic flows."""

    success: bool
    score: float | None
    raw_score: float | None
    status: str | None
    execution_time_ms: int | None
    prompt: str | None
    steps: Tuple[SessionStep]
    tools: tuple[ToolCall, ...]
    trace: Any
    data: Any

    @property
    def remarks(self) -> tuple[str, ...]:
        """Values that were not taken as they stand."""
        if self.score not in (0.0, 1.0) or self.raw_score in (None, 0, 1, 100):
            return ()
        return (rounded_score(self.raw_score, self.score),)


class SessionFile(Model):
    """A session file. `benchmark_step` is set when its benchmark id names a step of a flow."""

    session_id: str
    benchmark_id: str
    raw_benchmark_id: str
    benchmark_step: int | None
    agent_type: str | None
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    events: Tuple[Any]
    metadata: Any
    final_result: FinalResult | None
    content_hash: str
    raw: Any


class _FinalResultTree(Model):
    success: bool
    score: Number | None = None
    status: str | None = None
    execution_time_ms: Count | None = None
    data: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None


class _SessionTree(Model):
    session_id: str
    benchmark_id: str
    agent_type: str | None = None
    start_time: Number | None = None
    end_time: Number | None = None
    events: list[Any] | None = None
    metadata: dict[str, Any] | None = None
    final_result: _FinalResultTree | None = None


ROUNDING = 1e-9
"""A score this close to 0 or 1 is rounded: sums of floats leave such remainders."""

_STEPS = TypeAdapter(Tuple[SessionStep], config=ConfigDict(defer_build=True))


def parse_session_file(data: bytes, source: str) -> SessionFile:
    """The session in a file's bytes; `source` is the file's name, for errors."""
    tree = load_json(data, source)
    if not isinstance(tree, dict):
        raise FormatError("not a session file: must be an object", source=source)
    try:
        session = _SessionTree.model_validate(tree)
        check_id(session.session_id, "session_id")
        benchmark_id, step = normalise_benchmark_id(session.benchmark_id)
        check_id(benchmark_id, "benchmark_id")
        final_result = None if session.final_result is None else _final_result(session)
    except ValidationError as error:
        raise _not_a_session(first_problem(error), source) from None
    except FormatError as error:
        raise FormatError(error.message, source=source) from None
    return SessionFile.model_construct(
        session_id=session.session_id,
        benchmark_id=benchmark_id,
        raw_benchmark_id=session.benchmark_id,
        benchmark_step=step,
        agent_type=session.agent_type,
        started_at=from_unix(session.start_time),
        ended_at=from_unix(session.end_time),
        events=tuple(session.events or ()),
        metadata=session.metadata,
        final_result=final_result,
        content_hash=hashlib.sha256(data).hexdigest(),
        raw=tree,
    )


def rounded_score(raw: float, score: float) -> str:
    """The remark on a score that was rounded."""
    return f"final_result.score {raw!r} is taken as {score!r}"


def session_steps(steps: JsonValue, source: str) -> tuple[SessionStep, ...]:
    """Steps in the form of a session file, without the file around them."""
    try:
        return _STEPS.validate_python(steps)
    except ValidationError as error:
        raise _not_a_session(first_problem(error), source) from None


def _not_a_session(problem: tuple[Path, str], source: str) -> FormatError:
    path, message = problem
    place = f"{path_text(path)} " if path else ""
    return FormatError(f"not a session file: {place}{message}", source=source)


def _final_result(session: _SessionTree) -> FinalResult:
    result = session.final_result
    if result is None:
        raise ValueError("a session without a final_result has none to read")
    data = result.data or {}
    trace = data.get("trace")
    holder = data if isinstance(data.get("steps"), list) or not isinstance(trace, dict) else trace
    prompt = holder.get("prompt", data.get("prompt"))
    tools = result.tools if result.tools is not None else data.get("tools")
    return FinalResult.model_construct(
        success=result.success,
        score=_score(session, result.score),
        raw_score=result.score,
        status=result.status,
        execution_time_ms=result.execution_time_ms,
        prompt=prompt if isinstance(prompt, str) else None,
        steps=_steps(holder.get("steps")),
        tools=_tools(tools),
        trace=trace,
        data=result.data,
    )


def _score(session: _SessionTree, score: float | None) -> float | None:
    """The file's score between 0 and 1, rounded by ROUNDING.

    Only the scores of dynamic flows go up to 100; up to 1 theirs are shares too.
    """
    if score is None or 0 <= score <= 1:
        return score
    if -ROUNDING <= score <= 1 + ROUNDING:
        return min(1.0, max(0.0, score))
    dynamic = is_dynamic_id(session.session_id) or is_dynamic_id(session.benchmark_id)
    if dynamic and 1 < score <= 100:
        return score / 100
    raise FormatError(f"not a session file: final_result.score {score!r} is not between 0 and 1")


def _steps(steps: Any) -> tuple[SessionStep, ...]:
    if not isinstance(steps, list):
        return ()
    try:
        return _STEPS.validate_python(steps)
    except ValidationError as error:
        path, message = first_problem(error)
        place = path_text(("final_result", "data", "steps", *path))
        raise FormatError(f"not a session file: {place} {message}") from None


def _tools(tools: Any) -> tuple[ToolCall, ...]:
    items = tools if isinstance(tools, list) else []
    return tuple(_tool(number, item) for number, item in enumerate(items, 1) if isinstance(item, dict))


def _tool(number: int, item: dict[str, Any]) -> ToolCall:
    raw_name = item.get("tool_name", item.get("tool_id"))
    if not isinstance(raw_name, str):
        raise FormatError(f"not a session file: tools[{number - 1}] has no tool_name")
    started_at, ended_at = from_unix(item.get("start_time")), from_unix(item.get("end_time"))
    result = readable(item.get("result"))
    status = call_status(item.get("status")) or CallStatus.UNFINISHED
    error = result.get("error") if isinstance(result, dict) else None
    return ToolCall(
        ordinal=number,
        name=normalise_tool_name(raw_name),
        raw_name=raw_name,
        status=status,
        started_at=started_at,
        ended_at=ended_at,
        duration_ms=milliseconds_between(started_at, ended_at),
        params=readable(item.get("params")),
        result=result,
        error_message=error if isinstance(error, str) and status is CallStatus.ERROR else None,
    )
