"""The texts of an execution: what it has done so far, and what it did."""

from __future__ import annotations

from schema.renderings.ascii_tree import Tree, narrow
from schema.renderings.plain_text import visible
from schema.renderings.trace import trace_text
from schema.renderings.transaction_texts import plain_text, tree_text, yaml_text
from store.executions.polled import LiveCall, Polled
from store.model import ExecutionStatus, ToolCallStatus

LOADING = "🔄 Loading transaction logs...\n\n⏳ Execution in progress - please wait"
_ICONS = {ToolCallStatus.SUCCESS: "✅", ToolCallStatus.UNFINISHED: "⏳"}
_FORMATS = {"tree": tree_text, "yaml": yaml_text, "plain": plain_text}
_SHOWS_UNITS = {"tree": True, "plain": True, "yaml": False}
"""Whether compute units are shown when nothing is said."""


def trace(polled: Polled) -> str:
    """The tree that reev prints; before the end, the tool calls so far."""
    row = polled.execution
    if row.status.is_terminal:
        failure = None if row.failure is None else row.failure.message
        return trace_text(row.benchmark_id, row.status, row.score, polled.steps, failure)
    waits = row.status is ExecutionStatus.QUEUED
    last = "⏳ It waits for its turn" if waits else "⏳ Execution in progress - please wait"
    children = (*(Tree(_call(call)) for call in polled.live_calls), Tree(last))
    return narrow(
        Tree(f"⏳ {visible(row.benchmark_id)} [{visible(row.agent)}]: {row.status.lower()}", children)
    )


def _call(call: LiveCall) -> str:
    took = "" if call.duration_ms is None else f" ({call.duration_ms} ms)"
    return f"🔧 Tool call {call.ordinal}: {visible(call.name)} {_ICONS.get(call.status, '❌')}{took}"


def transaction_logs(polled: Polled, format: str, show_cu: bool | None) -> tuple[str, bool]:
    """The logs in a format, and whether they show compute units."""
    units = _SHOWS_UNITS[format] if show_cu is None else show_cu
    if not polled.execution.status.is_terminal:
        return LOADING, units
    return _FORMATS[format](polled.steps, show_compute_units=units), units
