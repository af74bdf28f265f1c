"""Our server, which writes down when it passes the stages between a runner's exit and a watcher's frame.

python -m perf.load.staged_server FILE serve

Each line of FILE is a stage and when it was passed, in nanoseconds since the epoch. Nothing of the server is
changed for it: functions that it calls anyway are wrapped.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

STAGES = {
    "its exit is seen: runner and reaper end": "runner_bridge.worker.supervision:wait_for_end_cause",
    "nothing of it lives": "runner_bridge.worker.runner_end:end_runner",
    "its files are followed no more": "runner_bridge.worker.runner_files:RunnerFiles.follow",
    "session file read and scored, other files read": (
        "runner_bridge.worker.supervision:Supervision._read_ending"
    ),
    "what was left of other files is stored": "runner_bridge.worker.runner_files:RunnerFiles.store_rest",
    "end committed, notification heard": ("store.live.notification_listener:NotificationListener._notified"),
    "log read": "store.live.hub:Hub._publish",
    "answer made": "gql_server.operations.subscription_events:SubscriptionEvents.payload_of",
    "frame written": "gql_server.ws.operation:SocketOperation.take",
}
"""In their order: the module and the name in it of the function whose return passes the stage."""


def main() -> None:
    with Path(sys.argv.pop(1)).open("w", buffering=1, encoding="utf-8") as file:
        for stage, place in STAGES.items():
            _wrap(stage, place, file)
        from gql_server.cli.main import main as command_line

        command_line()


def _wrap(stage: str, place: str, file: IO[str]) -> None:
    module, _, path = place.partition(":")
    owner: Any = importlib.import_module(module)
    *classes, name = path.split(".")
    for one in classes:
        owner = getattr(owner, one)
    setattr(owner, name, _noted(stage, getattr(owner, name), file))


def _noted(stage: str, function: Callable[..., Any], file: IO[str]) -> Callable[..., Any]:
    def note() -> None:
        file.write(f"{time.time_ns()} {stage}\n")

    @functools.wraps(function)
    async def noted_coroutine(*arguments: Any, **named: Any) -> Any:
        answer = await function(*arguments, **named)
        note()
        return answer

    @functools.wraps(function)
    def noted(*arguments: Any, **named: Any) -> Any:
        answer = function(*arguments, **named)
        note()
        return answer

    return noted_coroutine if inspect.iscoroutinefunction(function) else noted


if __name__ == "__main__":
    main()
