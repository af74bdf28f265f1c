"""The live view of one execution: a line per event as it arrives, a spinner and a clock below meanwhile.

A flow of several steps also gets a bar of those that are done.
"""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from gql_server.cli.views.conversation_view import entry_text
from gql_server.cli.views.texts import UNKNOWN, exact_moment, milliseconds, printable

Data = dict[str, Any]

STATUS_STYLES = {
    "QUEUED": "cyan",
    "RUNNING": "blue",
    "STOPPING": "yellow",
    "SUCCEEDED": "bold green",
    "STOPPED": "bold yellow",
}
"""Every other status is a failure."""

ENDED = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED", "LOST"})

CALL_MARKS = {"SUCCESS": ("✓", "green"), "UNFINISHED": ("…", "blue")}


PLAIN_COLUMNS = 3
"""Spinner, state and clock; a flow has two more."""

PIPED_WIDTH = 200


def status_text(status: str) -> Text:
    return Text(status, style=STATUS_STYLES.get(status, "bold red"))


def score_text(execution: Data) -> str:
    """The score computed here, and the reported one where that differs or is the only one."""
    computed, reported = (
        None if value is None else str(round(value, 6))
        for value in (execution["computedScore"], execution["score"])
    )
    if reported in (None, computed):
        return computed or UNKNOWN
    return f"{reported} reported" if computed is None else f"{computed} ({reported} reported)"


def verdict_text(execution: Data) -> str:
    """Whether it was solved, or why not, and what the runner reported where that is something else."""
    solved, success = execution["solved"], execution["success"]
    if solved is None:
        return ""
    verdict = "solved" if solved else f"not solved: {_why_not_solved(execution)}"
    if success in (None, solved):
        return verdict
    return f"{verdict} (the runner reported {'success' if success else 'failure'})"


def _why_not_solved(execution: Data) -> str:
    outcomes = [assertion["outcome"] for assertion in execution["assertions"] or ()]
    failed, passed = outcomes.count("FAILED"), outcomes.count("PASSED")
    return f"{failed} of {failed + passed} assertions failed" if failed else "the score is below 1"


def new_console(*, stderr: bool = False) -> Console:
    """As wide as the terminal; in a pipe, wide enough that ids and file names are not cut."""
    console = Console(highlight=False, stderr=stderr)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    return console


def event_line(event: Data) -> Text:
    """One event for a person."""
    line = Text().append(exact_moment(event["at"]) + "  ", style="dim")
    call = event["toolCall"]
    if event["entry"] is not None:
        return line.append_text(entry_text(event["entry"]))
    if event["progress"] is not None:
        return line.append(progress_text(event["progress"]), style="cyan")
    if call is None:
        return line.append_text(status_text(event["status"] or event["kind"]))
    if event["kind"] == "TOOL_CALL_STARTED":
        return line.append(f"▸ {printable(call['name'])}", style="default")
    mark, style = CALL_MARKS.get(call["status"], ("✗", "red"))
    line.append(f"{mark} {printable(call['name'])} ", style=style).append(milliseconds(call["durationMs"]))
    if call["errorMessage"]:
        line.append(f"  {printable(call['errorMessage'])}", style="red")
    return line


def progress_text(progress: Data) -> str:
    """The text of a PROGRESS event: how many steps are done; with none, that the runner has begun."""
    done, total = progress["stepsDone"], progress["stepsTotal"]
    return (
        f"■ {done} of {UNKNOWN if total is None else total} steps done" if done else "■ the runner has begun"
    )


def final_line(execution: Data) -> Text:
    """How it ended: status, whether it was solved, score, duration and failure."""
    line = status_text(execution["status"])
    if verdict := verdict_text(execution):
        line.append(f"  {verdict}", style="bold green" if execution["solved"] else "bold red")
    if (score := score_text(execution)) != UNKNOWN:
        line.append(f"  score {score}", style="bold")
    if execution["executionTimeMs"] is not None:
        line.append(f"  in {milliseconds(execution['executionTimeMs'])}", style="default")
    if failure := execution["failure"]:
        # The last output of a runner keeps its lines.
        message = printable(failure["message"], keep="\n")
        line.append(f"  {failure['kind']}: {message}", style="default")
    if execution["isAttempt"] is False:
        line.append("  (does not count for the agent)", style="dim")
    return line


class LiveView:
    """Use as a context manager; without a terminal only the lines are printed."""

    def __init__(self, console: Console, *, as_json: bool) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=as_json or not console.is_terminal,
        )
        self._console = console
        self._has_conversation = False
        self._task = self._progress.add_task("waiting for the first event", total=None)

    def __enter__(self) -> LiveView:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, event: Data) -> None:
        call = event["toolCall"]
        self._has_conversation |= event["entry"] is not None
        # A conversation has its tool calls itself.
        if call is None or not self._has_conversation:
            self._console.print(event_line(event), soft_wrap=True)
        if event["entry"] is not None and event["entry"]["kind"] == "REQUEST":
            self._progress.update(self._task, description="RUNNING the model answers")
        elif call is not None:
            self._progress.update(self._task, description=f"RUNNING {printable(call['name'])}")
        elif event["status"] is not None:
            self._progress.update(self._task, description=event["status"])
        self._show_steps(event["execution"]["progress"])

    def _show_steps(self, progress: Data) -> None:
        done, total = progress["stepsDone"], progress["stepsTotal"]
        if total is None or total < 2:
            return
        if len(self._progress.columns) == PLAIN_COLUMNS:
            self._progress.columns = (*self._progress.columns, BarColumn(bar_width=20), MofNCompleteColumn())
        # While the number of steps done is unknown, the bar has no total and only moves; None changes nothing.
        self._progress.update(self._task, total=None if done is None else total, completed=done or 0)

    def connection_lost(self) -> None:
        self._progress.update(self._task, description="connection lost, trying again")
