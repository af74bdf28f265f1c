"""The goals of speed as data: what work, which line of a part tells of it, and when it is reached.

On two cores, the server in one process; ratios are of requests per second within one run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.table import Table

from perf.report.figures import CONSOLE
from perf.report.lines import Line


@dataclass(frozen=True)
class Goal:
    """`line` is the key of the figure that `reached` looks at."""

    work: str
    line: str
    text: str
    reached: Callable[[float], bool]


def at_least(bound: float) -> Callable[[float], bool]:
    return lambda value: value >= bound


def at_most(bound: float) -> Callable[[float], bool]:
    return lambda value: value <= bound


LIST_50 = "list of 50 executions, 9 fields"
LIST_500 = "list of 500"
NESTED = "list of 200 with nested benchmark and tool calls"
BY_ID = "one execution by id"
GRID = "dashboard grid, 20 × 4"
FANOUT = "one event to 1,000 watchers of one document"
IDLE = "10,000 idle watchers"
FEEDBACK = "session file closed → event at the watcher, idle server"
SYNC = "sync of 10,000 files"
IMPORT = "import of 10,000 session files"
MOVING_IN = "import of 100,000 executions with 400,000 tool calls from a database of reev"
CONVERSATIONS = "conversations with models"
BATCHES = "a batch of 1,000 executions"
LEADERBOARDS = "leaderboard, comparison and page of a batch at 1,000,000 executions against 10,000"
SCALE = "lists and agent performance at 1,000,000 executions against 10,000"
EXPORT = "export of 1,000,000 executions, the worst of CSV, JSON lines and Parquet"
REST = "routes of the old server"
MODEL = "execution with a model that answers at once"
STARTUP = "start"
RAY = "start of a runner on Ray"
WORKERS = "100 workers on one database, 12 executions a second"

GOALS = (
    Goal(LIST_50, "reading.list50.hand", "≥ 0.75 × hand-written (pool without reset)", at_least(0.75)),
    Goal(LIST_50, "reading.list50.stock", "≥ 8 × stock Strawberry", at_least(8)),
    Goal(LIST_50, "reading.list50.mercurius", "≥ 1.3 × Mercurius with JIT", at_least(1.3)),
    Goal(LIST_50, "reading.list50.mercurius_text", "≥ 1 × Mercurius with times as text", at_least(1)),
    Goal(
        LIST_500,
        "reading.list500.hand_json",
        "≥ 0.75 × hand-written with JSON built by PostgreSQL",
        at_least(0.75),
    ),
    Goal(LIST_500, "reading.list500.mercurius", "≥ 2 × Mercurius with JIT", at_least(2)),
    Goal(NESTED, "reading.nested200.hand", "≥ 0.75 × hand-written", at_least(0.75)),
    Goal(NESTED, "reading.nested200.stock", "≥ 8 × stock", at_least(8)),
    Goal(BY_ID, "reading.by_id.hand", "≥ 1 × hand-written (pool without reset)", at_least(1)),
    Goal(BY_ID, "reading.by_id.stock", "≥ 4 × stock", at_least(4)),
    Goal(GRID, "reading.grid.hand", "≥ 0.75 × hand-written", at_least(0.75)),
    Goal(FANOUT, "fanout.cpu", "≤ 20 µs server CPU per delivery", at_most(20)),
    Goal(IDLE, "idle.memory", "≤ 20 kB each", at_most(20)),
    Goal(IDLE, "idle.cpu", "no CPU to speak of: ≤ 2 % of a core", at_most(2)),
    Goal(FEEDBACK, "feedback.p50", "p50 ≤ 5 ms", at_most(5)),
    Goal(FEEDBACK, "feedback.p99", "p99 ≤ 10 ms", at_most(10)),
    Goal(SYNC, "sync.first", "first time ≤ 1.5 × parsing alone", at_most(1.5)),
    Goal(SYNC, "sync.unchanged", "nothing changed ≤ 0.15 × parsing alone", at_most(0.15)),
    Goal(IMPORT, "imports.first", "≤ 2 × parsing alone", at_most(2)),
    Goal(MOVING_IN, "moving_in.first", "≤ 2 × reading the file alone", at_most(2)),
    Goal(MOVING_IN, "moving_in.memory", "≤ 300 MB of memory", at_most(300)),
    Goal(
        CONVERSATIONS,
        "conversations.p50",
        "line of a transcript → event at the watcher, p50 ≤ 10 ms",
        at_most(10),
    ),
    Goal(
        CONVERSATIONS, "conversations.stored", "1,000 transcripts stored ≤ 1.5 × parsing alone", at_most(1.5)
    ),
    Goal(BATCHES, "batches.accepted", "accepted in one transaction ≤ 1,000 ms", at_most(1000)),
    Goal(BATCHES, "batches.stopped", "stopped while it waits ≤ 1,000 ms", at_most(1000)),
    Goal(SCALE, "scale.slowest", "≤ 1.5 ×, the slowest of them", at_most(1.5)),
    Goal(EXPORT, "export.seconds", "≤ 30 s", at_most(30)),
    Goal(EXPORT, "export.memory", "≤ 200 MB of server memory", at_most(200)),
    Goal(EXPORT, "export.latency", "p99 of a list of 50 meanwhile ≤ 3 × idle", at_most(3)),
    Goal(LEADERBOARDS, "leaderboards.slowest", "≤ 1.5 ×, the slowest of them", at_most(1.5)),
    Goal(LEADERBOARDS, "leaderboards.end", "an end with figures kept ≤ 1.15 × one without", at_most(1.15)),
    Goal(REST, "rest.unchanged", "poll that finds nothing new ≤ 1.2 × CPU of /healthz", at_most(1.2)),
    Goal(REST, "rest.pages", "200 pages that poll every 2 s ≤ half a core", at_most(50)),
    Goal(MODEL, "model.overhead", "≤ 1.3 × with the reference answer", at_most(1.3)),
    Goal(
        WORKERS, "workers.idle", "an idle one: ≤ 0.5 statements a second, heartbeats included", at_most(0.5)
    ),
    Goal(WORKERS, "workers.claimed", "requested → claimed, p99 ≤ 250 ms", at_most(250)),
    Goal(WORKERS, "workers.of_nothing", "looks that find nothing ≤ 2 per execution", at_most(2)),
    Goal(WORKERS, "workers.watched", "ended → watcher, p99 ≤ 100 ms", at_most(100)),
    Goal(RAY, "ray.above_local", "≤ 150 ms above a start beside its worker", at_most(150)),
    Goal(RAY, "ray.message", "message → event at the watcher, p50 ≤ 30 ms", at_most(30)),
    Goal(STARTUP, "startup.help", "`reev-gql --help` ≤ 0.3 s", at_most(0.3)),
    Goal(STARTUP, "startup.warm", "server ready with a warm embedded database ≤ 1.5 s", at_most(1.5)),
)


def show_goals(lines: Sequence[Line], *, measured_only: bool = False) -> None:
    """The table of goals, with what was reached."""
    found = {line.key: line for line in lines}
    if measured_only and not found.keys() & {goal.line for goal in GOALS}:
        return
    table = Table(title="Goals", title_justify="left", min_width=90)
    for heading in ("work", "goal"):
        table.add_column(heading, ratio=3)
    table.add_column("reached", justify="right")
    table.add_column("")
    named = ""
    for goal in GOALS:
        line = found.get(goal.line)
        if line is None and measured_only:
            continue
        mark = "" if line is None else "✓" if goal.reached(line.value) else "✗"
        table.add_row(
            "" if goal.work == named else goal.work,
            goal.text,
            "not measured" if line is None else str(line),
            mark,
        )
        named = goal.work
    CONSOLE.print(table)
