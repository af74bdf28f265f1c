"""The progress of a batch while it runs: a line for each end, and at a terminal a bar for each agent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from gql_server.cli.views.json_lines import emit
from gql_server.cli.views.live_view import ENDED, final_line
from gql_server.cli.views.texts import printable

Data = dict[str, Any]


class BatchProgressView:
    """Use as a context manager. With `as_json` each end is an object on standard output."""

    def __init__(self, console: Console, executions: Iterable[Data], *, as_json: bool) -> None:
        self._console, self._as_json = console, as_json
        known = list(executions)
        self._known = {each["id"] for each in known}
        self.ended = {each["id"] for each in known if each["status"] in ENDED}
        self._alike = len({(each["benchmarkId"], each["agent"]) for each in known}) == 1
        self._solved = Counter(each["agent"] for each in known if each["solved"])
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[solved]} solved"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=as_json or not console.is_terminal,
        )
        self._tasks = {agent: self._task(agent, known) for agent in sorted({each["agent"] for each in known})}

    def _task(self, agent: str, executions: list[Data]) -> TaskID:
        states = [each["status"] in ENDED for each in executions if each["agent"] == agent]
        # Square brackets in a name are no markup.
        description = printable(agent).replace("[", r"\[")
        solved = self._solved[agent]
        return self._progress.add_task(description, total=len(states), completed=sum(states), solved=solved)

    def __enter__(self) -> BatchProgressView:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @property
    def is_over(self) -> bool:
        """Whether all had ended when it began."""
        return self._known == self.ended

    def show(self, execution: Data) -> None:
        """Takes an execution that has ended; one that is known to have ended changes nothing."""
        if execution["id"] in self.ended:
            return
        self.ended.add(execution["id"])
        agent = execution["agent"]
        self._solved[agent] += execution["solved"] is True
        if self._as_json:
            emit(execution)
        else:
            self._console.print(self._line(execution), soft_wrap=True)
        if execution["id"] in self._known:
            self._progress.update(self._tasks[agent], advance=1, solved=self._solved[agent])
        else:
            # It repeats a lost one, in whose place it counts.
            self._progress.update(self._tasks[agent], solved=self._solved[agent])

    def _line(self, execution: Data) -> Text:
        trial = f"trial {execution['trial']}  "
        which = "" if self._alike else f"{printable(agent_and_benchmark(execution))}  "
        return Text(f"{which}{trial}").append_text(final_line(execution))

    def connection_lost(self) -> None:
        self._console.print(Text("connection lost, trying again", style="dim")) if not self._as_json else None


def agent_and_benchmark(execution: Data) -> str:
    return f"{execution['agent']}  {execution['benchmarkId']}"
