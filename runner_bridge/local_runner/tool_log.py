"""The tool log: what the agent does, line by line as it happens, in upstream's `enhanced_otel` form.

A reader that follows the file sees a call when it starts; an execution that is killed leaves its last call open.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner_bridge.formats.file_names import tool_log_name
from runner_bridge.local_runner.line_file import append_line

_VERSION = "0.1.0"
"""Names of upstream's runner and agent, which its lines have."""
_NS_PER_MS = 1_000_000


class ToolLog:
    """Appends to `path`, or writes nothing when it is None."""

    def __init__(self, path: Path | None, session_id: str) -> None:
        self._path = path
        self._session_id = session_id
        self._began = time.monotonic_ns()

    def prompt(self, tools: list[str], user_prompt: str, final_prompt: str) -> None:
        """What a model is asked: the tools it is offered, the benchmark's words and the whole text around them."""
        said: dict[str, object] = {
            "tool_name_list": tools,
            "user_prompt": user_prompt,
            "final_prompt": final_prompt,
        }
        self._append("Prompt", prompt=said)

    @contextmanager
    def call(self, tool: str, args: dict[str, object]) -> Iterator[dict[str, object]]:
        """Logs the block as one tool call. The block sets the result; an exception makes the call fail."""
        self._append("ToolInput", tool_input={"tool_name": tool, "tool_args": args})
        began = time.monotonic_ns()
        result: dict[str, object] = {}
        try:
            yield result
        except Exception as error:
            self._end(began, success=False, result={"error": str(error)}, error=str(error))
            raise
        self._end(began, success=True, result=result, error=None)

    def step_complete(self, name: str, began_ns: int) -> None:
        """A step of a flow is over; `began_ns` is of the monotonic clock."""
        self._append("StepComplete", step_ms=_ms_since(began_ns), metadata={"step_name": name})

    def _end(self, began: int, *, success: bool, result: dict[str, object], error: str | None) -> None:
        took = _ms_since(began)
        output = {
            "success": success,
            "results": {**result, "execution_time_ms": took},
            "error_message": error,
        }
        self._append("ToolOutput", tool_output=output, step_ms=took)

    def _append(
        self,
        event_type: str,
        *,
        prompt: dict[str, object] | None = None,
        tool_input: dict[str, object] | None = None,
        tool_output: dict[str, object] | None = None,
        step_ms: int = 0,
        metadata: dict[str, object] | None = None,
    ) -> None:
        line = {
            "timestamp": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "session_id": self._session_id,
            "reev_runner_version": _VERSION,
            "reev_agent_version": _VERSION,
            "event_type": event_type,
            "prompt": prompt,
            "tool_input": tool_input,
            "tool_output": tool_output,
            "timing": {"flow_timeuse_ms": _ms_since(self._began), "step_timeuse_ms": step_ms},
            "metadata": metadata or {},
        }
        self._write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")

    def _write(self, line: bytes) -> None:
        if self._path is not None:
            append_line(self._path, line, "tool log")


def tool_log_path(session_directory: Path, session_id: str) -> Path | None:
    """The path of the tool log of `session_id`, from upstream's variables; None when it is switched off."""
    if os.environ.get("REEV_ENHANCED_OTEL", "1") == "0":
        return None
    named = os.environ.get("REEV_ENHANCED_OTEL_FILE")
    if named:
        return Path(named.replace("{session_id}", session_id))
    return session_directory / tool_log_name(session_id)


def _ms_since(began_ns: int) -> int:
    return (time.monotonic_ns() - began_ns) // _NS_PER_MS
