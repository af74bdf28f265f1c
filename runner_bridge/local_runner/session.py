"""The session file: the result of an execution, in the shape of upstream's.

It appears whole or not at all: it is written under another name and then renamed. Unlike upstream, `score`,
`success` and `status` come from the scoring that the server uses too, and the time is measured in
milliseconds.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from runner_bridge.formats.file_names import session_file_name
from runner_bridge.local_runner.errors import RunnerError, UsageError

DEFAULT_DIRECTORY = "logs/sessions"
StepJson = dict[str, object]


@dataclass(frozen=True, slots=True)
class Session:
    """A finished execution; times in unix seconds, `execution_time_ms` from a monotonic clock."""

    id: str
    benchmark_id: str
    agent: str
    started_at: int
    ended_at: int
    execution_time_ms: int
    prompt: str
    steps: tuple[StepJson, ...]
    score: float
    succeeded: bool
    llm: dict[str, object] | None = None
    """What a model used; not in the file of an agent without one."""

    def to_json(self) -> dict[str, object]:
        """Upstream's tree, in upstream's order of keys."""
        data: dict[str, object] = {"prompt": self.prompt, "steps": list(self.steps)}
        if self.llm is not None:
            data["llm"] = self.llm
        return {
            "session_id": self.id,
            "benchmark_id": self.benchmark_id,
            "agent_type": self.agent,
            "start_time": self.started_at,
            "end_time": self.ended_at,
            "events": [],
            "final_result": {
                "success": self.succeeded,
                "score": self.score,
                "status": "Succeeded" if self.succeeded else "Failed",
                "execution_time_ms": self.execution_time_ms,
                "data": _sorted(data),
            },
        }


def session_directory() -> Path:
    """The directory for session files, created if needed; UsageError when that fails."""
    path = Path(os.environ.get("REEV_SESSION_LOG_PATH") or DEFAULT_DIRECTORY)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot keep session files in {path}: {error.strerror}") from None
    return path


def write_session(session: Session, directory: Path) -> Path:
    """Writes `session` to its file, replacing an earlier one with the same id."""
    path = directory / session_file_name(session.id)
    draft = directory / f".{path.name}.{os.getpid()}"
    text = json.dumps(session.to_json(), indent=2, ensure_ascii=False)
    try:
        try:
            with open(draft, "xb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise RunnerError(f"cannot write the session file {path}: {error.strerror}") from None
    return path


def _sorted(value: object) -> object:
    """Inside `data` upstream's keys are in alphabetical order, outside they are not."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]
    return value
