"""The transaction logs as the three texts of the old server, to the character.

These formats lose things, and keep losing them here so that the texts stay what they were: the box tree shows
only the first success of each program, flattens invocations, keeps the last message and drops lines such as
failures; the core tree forgets which program was invoked. The whole truth is in transaction_logs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from schema.renderings.ascii_tree import Tree, narrow, wide
from schema.renderings.log_lines import Consumed, Instruction, Invoke, Message, Returned, Success, read_line
from schema.renderings.plain_text import visible
from schema.renderings.programs import program
from schema.renderings.transaction_logs import log_lines_of, transaction_error_of
from store.model import Step

NO_DATA = "📝 No transaction data available"
NO_LOGS = "📝 No transaction logs found in execution result"


def plain_text(steps: Sequence[Step], *, show_compute_units: bool = True) -> str:
    """Each step's lines below `Step N:`, then its error, then an empty line.

    The format shows compute units as part of the lines; without them those lines are left out.
    """
    if not steps:
        return NO_DATA
    return "".join(f"{line}\n" for line in _plain_lines(steps, show_compute_units))


def _plain_lines(steps: Sequence[Step], show_compute_units: bool) -> Iterable[str]:
    for number, step in enumerate(steps, start=1):
        yield f"Step {number}:"
        yield from (f"  {visible(line)}" for line in _shown_lines(step, show_compute_units))
        error = transaction_error_of(step)
        if error is not None:
            yield f"  Error: {visible(error)}"
        yield ""


def _shown_lines(step: Step, show_compute_units: bool) -> list[str]:
    lines = log_lines_of(step)
    return [line for line in lines if show_compute_units or not isinstance(read_line(line), Consumed)]


def tree_text(steps: Sequence[Step], *, show_compute_units: bool = True) -> str:
    """The core form: a node per step, its error first, then its lines in groups of equal indentation.

    A step with neither lines nor error is left out; numbers stay those of the steps.
    """
    if not steps:
        return NO_DATA
    nodes = [
        Tree(f"Step {number}: Transaction Execution", children)
        for number, step in enumerate(steps, start=1)
        if (children := _core_children(step, show_compute_units))
    ]
    return narrow(Tree("🔗 Blockchain Transactions", tuple(nodes))) if nodes else NO_LOGS


def _core_children(step: Step, show_compute_units: bool) -> tuple[Tree, ...]:
    error = transaction_error_of(step)
    errors = [] if error is None else [Tree(f"❌ Error: {visible(error)}")]
    lines = _shown_lines(step, show_compute_units)
    groups = [tuple(group) for _, group in groupby(lines, key=_indentation)]
    return (*errors, *(_core_group(group) for group in groups))


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _core_group(lines: tuple[str, ...]) -> Tree:
    leaves = tuple(Tree(visible(_core_line(line))) for line in lines)
    if len(leaves) == 1:
        return leaves[0]
    first = read_line(lines[0])
    label = f"📝 Instruction [{first.level}]" if isinstance(first, Invoke) else "📦 Program Operations"
    return Tree(label, leaves)


def _core_line(line: str) -> str:
    text = line.strip()
    match read_line(line):
        case Invoke(_, level):
            return f"📝 invoke [{level}]"
        case Success():
            return "✅ Success"
        case Consumed():
            return f"⚡ {text}"
        case Instruction() | Message():
            return f"📝 {text.removeprefix('Program log:').strip()}"
        case Returned():
            return f"↩️ {text.removeprefix('Program return:').strip()}"
        case _:
            return text


@dataclass(slots=True)
class _Shown:
    """An entry of the box tree as upstream reads the log: invocations and successes in one flat list."""

    program_id: str
    level: int
    is_success: bool
    instruction: str | None = None
    message: str | None = None
    returned: str | None = None
    units: int | None = None


def yaml_text(steps: Sequence[Step], *, show_compute_units: bool = False) -> str:
    """The box tree that the old server called yaml: the lines of all steps read as one log."""
    if not steps:
        return NO_DATA
    entries = _read_as_upstream(line for step in steps for line in log_lines_of(step))
    return wide(Tree("🔄 TRANSACTION LOGS", tuple(_box_nodes(entries, show_compute_units))))


def _read_as_upstream(lines: Iterable[str]) -> list[_Shown]:
    entries: list[_Shown] = []
    levels: dict[str, int] = {}
    succeeded: set[str] = set()
    without_units: list[_Shown] = []
    for line in lines:
        match read_line(line):
            case Invoke(program_id, level):
                entries.append(_Shown(program_id, level, False))
                without_units.append(entries[-1])
                levels[program_id] = level
            case Success(program_id) if program_id in levels and program_id not in succeeded:
                succeeded.add(program_id)
                entries.append(_Shown(program_id, levels[program_id] + 1, True))
                without_units.append(entries[-1])
            case Consumed(_, units) if without_units:
                without_units.pop().units = units
            case Instruction(name) if entries:
                entries[-1].instruction = name
            case Message(text) if entries:
                entries[-1].message = text
            case Returned(_, data) if entries:
                entries[-1].returned = data
    return entries


def _box_nodes(entries: Sequence[_Shown], show_compute_units: bool) -> Iterable[Tree]:
    place = 0
    while place < len(entries):
        head, end = entries[place], place + 1
        while end < len(entries) and entries[end].level > head.level:
            end += 1
        nodes = tuple(_box_entry(entry, show_compute_units) for entry in entries[place:end])
        yield Tree(_title(head), nodes) if len(nodes) > 1 else nodes[0]
        place = end


def _box_entry(entry: _Shown, show_compute_units: bool) -> Tree:
    details = [
        f"{icon} {visible(text)}"
        for icon, text in (("📋", entry.instruction), ("📝", entry.message), ("💾", entry.returned))
        if text is not None
    ]
    units = entry.units if show_compute_units else None
    if units is not None and not entry.is_success:
        details.append(f"⚡ {units} CU")
    text = _title(entry)
    if entry.is_success:
        text = f"✅ {visible(program(entry.program_id).name)}" + (
            f" ({units} CU)" if units is not None else ""
        )
    return Tree(text, tuple(Tree(detail) for detail in details))


def _title(entry: _Shown) -> str:
    shown = program(entry.program_id)
    return f"{shown.icon} {visible(shown.name)} ({visible(entry.program_id)})"
