"""What a person sees in a terminal while an execution is watched: a line per event, and a bar for a flow."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Task

from gql_server.cli.views.live_view import LiveView, event_line

AT = "2026-01-01T12:00:00.123456+00:00"


def event(kind: str, *, done: int | None, total: int | None, status: str | None = None) -> dict[str, Any]:
    progress = {"stepsDone": done, "stepsTotal": total}
    return {
        "at": AT,
        "kind": kind,
        "status": status,
        "toolCall": None,
        "entry": None,
        "progress": progress if kind == "PROGRESS" else None,
        "execution": {"progress": progress},
    }


def shown(view: LiveView) -> tuple[str, Task]:
    """What stands below the lines, and the state of the bar."""
    [task] = view._progress.tasks
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    console.print(view._progress.make_tasks_table([task]))
    return console.file.getvalue(), task  # type: ignore[attr-defined]


@pytest.fixture
def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=80)


def test_a_flow_has_a_bar_that_fills_step_by_step(terminal: Console) -> None:
    with LiveView(terminal, as_json=False) as view:
        view.show(event("STATUS_CHANGED", done=0, total=2, status="RUNNING"))
        text, task = shown(view)
        assert "RUNNING" in text and "0/2" in text
        for done in (1, 2):
            view.show(event("PROGRESS", done=done, total=2))
            text, task = shown(view)
            assert f"{done}/2" in text and (task.completed, task.total) == (done, 2)
    assert task.finished


def test_a_benchmark_of_one_step_has_no_bar(terminal: Console) -> None:
    with LiveView(terminal, as_json=False) as view:
        for total in (1, None):
            view.show(event("STATUS_CHANGED", done=0, total=total, status="RUNNING"))
            assert not re.search(r"\d/", shown(view)[0])


def test_a_flow_whose_steps_nobody_tells_has_a_bar_that_claims_nothing(terminal: Console) -> None:
    with LiveView(terminal, as_json=False) as view:
        view.show(event("STATUS_CHANGED", done=None, total=2, status="RUNNING"))
        text, task = shown(view)
        assert task.total is None and "0/?" in text


def test_without_a_terminal_there_are_lines_and_nothing_else() -> None:
    console = Console(file=io.StringIO(), width=80)
    with LiveView(console, as_json=False) as view:
        view.show(event("STATUS_CHANGED", done=0, total=2, status="RUNNING"))
        view.show(event("PROGRESS", done=1, total=2))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert [line.rpartition("  ")[2] for line in text.splitlines()] == ["RUNNING", "■ 1 of 2 steps done"]
    assert "\x1b" not in text and "/2" not in text


@pytest.mark.parametrize(
    ("done", "total", "words"),
    [
        (0, 2, "the runner has begun"),
        (None, None, "the runner has begun"),
        (1, 2, "1 of 2 steps done"),
        (3, None, "3 of - steps done"),
    ],
)
def test_a_progress_event_says_what_is_known(done: int | None, total: int | None, words: str) -> None:
    assert event_line(event("PROGRESS", done=done, total=total)).plain.endswith(words)
