"""The transaction logs of an execution as trees of program invocations: the truth beside the old texts.

Here nothing of upstream's reading is repeated: every success and failure is there, invocations hang below the
invocation that made them, every message is kept, and a line with no place in the tree is kept as it is. The
texts in transaction_texts follow the old server's formats, losses included. No input raises.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from schema.renderings.log_lines import (
    TRUNCATED,
    Consumed,
    Data,
    Failed,
    Instruction,
    Invoke,
    LogLine,
    Message,
    Other,
    Returned,
    Success,
    read_line,
)
from schema.renderings.plain_text import as_dict, as_text
from schema.renderings.programs import program
from store.model import Step
from store.records import record

MAX_LEVEL = 64
"""The runtime nests less than ten deep; a line that claims more is kept as text, and no tree gets deeper."""


@record
class LogEntry:
    """One invocation of a program. `succeeded` is None when the log does not tell how it ended.

    `instruction` is the first one the program named; further ones stand in `messages`, in order with the
    rest. `data` are its `Program data:` lines, `raw_lines` what was said within it in no known form.
    """

    program_id: str
    program_name: str
    icon: str
    level: int
    instruction: str | None
    messages: tuple[str, ...]
    data: tuple[str, ...]
    return_data: str | None
    compute_units_consumed: int | None
    compute_units_available: int | None
    succeeded: bool | None
    error: str | None
    raw_lines: tuple[str, ...]
    children: tuple[LogEntry, ...]


@record
class StepLogs:
    """The log of one step: its lines as they came, the tree, and the lines outside every invocation.

    `truncated` says that the runtime cut the log, so entries without an end may have succeeded.
    """

    step: int
    lines: tuple[str, ...]
    entries: tuple[LogEntry, ...]
    raw_lines: tuple[str, ...]
    truncated: bool
    error: str | None


@dataclass(slots=True)
class _Open:
    program_id: str
    level: int
    instruction: str | None = None
    messages: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    return_data: str | None = None
    consumed: Consumed | None = None
    succeeded: bool | None = None
    error: str | None = None
    raw_lines: list[str] = field(default_factory=list)
    children: list[_Open] = field(default_factory=list)

    def closed(self) -> LogEntry:
        shown = program(self.program_id)
        return LogEntry(
            program_id=self.program_id,
            program_name=shown.name,
            icon=shown.icon,
            level=self.level,
            instruction=self.instruction,
            messages=tuple(self.messages),
            data=tuple(self.data),
            return_data=self.return_data,
            compute_units_consumed=self.consumed.units if self.consumed else None,
            compute_units_available=self.consumed.available if self.consumed else None,
            succeeded=self.succeeded,
            error=self.error,
            raw_lines=tuple(self.raw_lines),
            children=tuple(child.closed() for child in self.children),
        )


def step_logs(steps: Sequence[Step]) -> tuple[StepLogs, ...]:
    """The parsed log of each step, numbered by its place in `steps`."""
    return tuple(_of_step(number, step) for number, step in enumerate(steps, start=1))


def log_lines_of(step: Step) -> tuple[str, ...]:
    """The lines of a step's transaction log as the session file has them."""
    lines = as_dict(step.observation).get("last_transaction_logs")
    return tuple(as_text(line) for line in lines) if isinstance(lines, list | tuple) else ()


def transaction_error_of(step: Step) -> str | None:
    """The step's transaction error as the session file has it."""
    error = as_dict(step.observation).get("last_transaction_error")
    return None if error is None or error == "" else as_text(error)


def walk(entries: Sequence[LogEntry]) -> Iterator[tuple[int, LogEntry]]:
    """Every entry in the order of the log, with its depth: 0 for the outermost."""
    stack = [(0, entry) for entry in reversed(entries)]
    while stack:
        depth, entry = stack.pop()
        yield depth, entry
        stack += [(depth + 1, child) for child in reversed(entry.children)]


def parse_log(lines: Sequence[str]) -> tuple[tuple[LogEntry, ...], tuple[str, ...]]:
    """The outermost invocations, and the lines that belong to none."""
    reading = _Reading()
    for line in lines:
        reading.take(line, read_line(line))
    return tuple(entry.closed() for entry in reading.roots), tuple(reading.raw_lines)


def _of_step(number: int, step: Step) -> StepLogs:
    lines = log_lines_of(step)
    entries, raw_lines = parse_log(lines)
    truncated = any(line.strip() == TRUNCATED for line in lines)
    return StepLogs(number, lines, entries, raw_lines, truncated, transaction_error_of(step))


class _Reading:
    """Where a reader of the log stands: the invocations that are open, innermost last."""

    def __init__(self) -> None:
        self.roots: list[_Open] = []
        self.raw_lines: list[str] = []
        self._open: list[_Open] = []

    def take(self, line: str, meaning: LogLine) -> None:
        match meaning:
            case Invoke(program_id, level) if 1 <= level <= MAX_LEVEL:
                self._invoke(_Open(program_id, level))
            case Success(program_id) if self._end(program_id, True, None):
                pass
            case Failed(program_id, error) if self._end(program_id, False, error):
                pass
            case _ if self._open and self._tell(meaning):
                pass
            case _:
                self._keep(line)

    def _invoke(self, entry: _Open) -> None:
        while self._open and self._open[-1].level >= entry.level:
            self._open.pop()
        (self._open[-1].children if self._open else self.roots).append(entry)
        self._open.append(entry)

    def _end(self, program_id: str, succeeded: bool, error: str | None) -> bool:
        """Ends the innermost open invocation of this program; what is open within it stays without an end."""
        place = self._innermost(program_id)
        if place is None:
            return False
        self._open[place].succeeded, self._open[place].error = succeeded, error
        del self._open[place:]
        return True

    def _innermost(self, program_id: str) -> int | None:
        places = (
            place for place in reversed(range(len(self._open))) if self._open[place].program_id == program_id
        )
        return next(places, None)

    def _tell(self, meaning: LogLine) -> bool:
        """Takes what is said within an invocation; False when it is not about one that is open."""
        entry = self._open[-1]
        match meaning:
            case Instruction(name) if entry.instruction is None:
                entry.instruction = name
            case Instruction(name):
                entry.messages.append(f"Instruction: {name}")
            case Message(text):
                entry.messages.append(text)
            case Data(text):
                entry.data.append(text)
            case Returned(program_id, data):
                return self._returned(program_id, data)
            case Consumed(program_id):
                return self._consumed(program_id, meaning)
            case Invoke() | Success() | Failed() | Other():
                return False
        return True

    def _returned(self, program_id: str, data: str) -> bool:
        place = self._innermost(program_id)
        if place is None or self._open[place].return_data is not None:
            return False
        self._open[place].return_data = data
        return True

    def _consumed(self, program_id: str, meaning: Consumed) -> bool:
        place = self._innermost(program_id)
        if place is None or self._open[place].consumed is not None:
            return False
        self._open[place].consumed = meaning
        return True

    def _keep(self, line: str) -> None:
        (self._open[-1].raw_lines if self._open else self.raw_lines).append(line)
