"""The flow of an execution as a Mermaid state diagram, and the same flow as nodes and edges.

The old server's format with its defects put right: the real prompt, the real recipient, calls in the order of
their real times, every label neutral, every state its own. A transfer of which an end is unknown has no inner
diagram, for Mermaid cannot draw an empty one. Nothing in it is clickable and nothing is HTML.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from enum import StrEnum

from schema.renderings.call_labels import EXECUTE, Transfer, call_label, transfer_of
from schema.renderings.mermaid_text import MAX_LABEL, StateIds, label, state_id
from schema.renderings.plain_text import shortened, visible
from store.model import ToolCall, ToolCallStatus
from store.records import record

NO_PROMPT = "Execute task"
PROMPT_LENGTH = 100
FIRST_STATES = 2
"""Prompt and Agent."""

START, PROMPT, AGENT, END = "start", "Prompt", "Agent", "end"
_TERMINAL = "[*]"


class FlowNodeKind(StrEnum):
    """What a node stands for. START and END are both drawn as `[*]`; an ACCOUNT lies within its TOOL."""

    START = "START"
    PROMPT = "PROMPT"
    AGENT = "AGENT"
    TOOL = "TOOL"
    ACCOUNT = "ACCOUNT"
    END = "END"


@record
class FlowNode:
    """A state. `label` is the real text; `calls` are the ordinals of the tool calls that it stands for."""

    id: str
    kind: FlowNodeKind
    label: str
    parent: str | None = None
    calls: tuple[int, ...] = ()


@record
class FlowEdge:
    """An arrow. `call` is the ordinal of the tool call that it stands for, `status` how that call ended."""

    source: str
    target: str
    label: str | None = None
    parent: str | None = None
    call: int | None = None
    status: ToolCallStatus | None = None


@record
class FlowDiagram:
    """The Mermaid text (no newline at its end) and what it shows."""

    text: str
    nodes: tuple[FlowNode, ...]
    edges: tuple[FlowEdge, ...]
    tool_count: int
    state_count: int


def flow_diagram(
    prompt: str | None, tool_calls: Sequence[ToolCall], *, key_map: Mapping[str, str] | None = None
) -> FlowDiagram:
    """The flow: prompt, agent, and each tool call in the order in which they began.

    A tool called again is the same state with one more arrow, as in the old diagrams. `key_map` gives the
    addresses of placeholders, as an observation holds them.
    """
    drawing = _Drawing(key_map or {})
    drawing.begin(prompt)
    for call in in_order(tool_calls):
        drawing.add(call)
    return drawing.finished()


def in_order(tool_calls: Sequence[ToolCall]) -> list[ToolCall]:
    """By start; a call whose start is unknown stays behind the call before which the log names it."""
    timed: list[tuple[dt.datetime, ToolCall]] = []
    latest = dt.datetime.min.replace(tzinfo=dt.UTC)
    for call in sorted(tool_calls, key=lambda call: call.ordinal):
        start = call.started_at
        if start is not None:
            latest = start if start.tzinfo is not None else start.replace(tzinfo=dt.UTC)
        timed.append((latest, call))
    return [call for _, call in sorted(timed, key=lambda item: (item[0], item[1].ordinal))]


class _Drawing:
    def __init__(self, key_map: Mapping[str, str]) -> None:
        self._key_map = key_map
        self._ids = StateIds(PROMPT, AGENT)
        self._lines = ["stateDiagram"]
        self._classes: list[str] = []
        self._nodes: dict[str, FlowNode] = {}
        self._edges: list[FlowEdge] = []
        self._last = AGENT

    def begin(self, prompt: str | None) -> None:
        shown = label(prompt or "", PROMPT_LENGTH) or NO_PROMPT
        for kind, node_id in (
            (FlowNodeKind.START, START),
            (FlowNodeKind.PROMPT, PROMPT),
            (FlowNodeKind.AGENT, AGENT),
        ):
            self._nodes[node_id] = FlowNode(node_id, kind, _TERMINAL if node_id == START else node_id)
        self._edges.append(FlowEdge(START, PROMPT))
        self._edges.append(FlowEdge(PROMPT, AGENT, _told(prompt or "") or NO_PROMPT))
        self._lines += [f"    {_TERMINAL} --> {PROMPT}", f"    {PROMPT} --> {AGENT} : {shown}"]

    def add(self, call: ToolCall) -> None:
        state = self._ids.id_of(("tool", call.name), call.name)
        text = call_label(call)
        self._lines.append(f"    {self._last} --> {state} : {label(text) or EXECUTE}")
        self._edges.append(
            FlowEdge(self._last, state, _told(text) or EXECUTE, call=call.ordinal, status=call.status)
        )
        node = self._nodes.get(state)
        calls = (*(node.calls if node else ()), call.ordinal)
        self._nodes[state] = FlowNode(state, FlowNodeKind.TOOL, _told(call.name), calls=calls)
        transfer = transfer_of(call, self._key_map) if "transfer" in call.name else None
        if transfer is not None:
            self._add_transfer(state, call, transfer)
        self._classes.append(f"class {state} tools")
        self._last = state

    def _add_transfer(self, state: str, call: ToolCall, transfer: Transfer) -> None:
        self._lines.append(f"    state {state} {{")
        sender = self._account(state, transfer.sender, call.ordinal)
        recipient = self._account(state, transfer.recipient, call.ordinal)
        self._lines += [f"        {sender} --> {recipient} : {label(transfer.amount)}", "    }"]
        self._edges.append(FlowEdge(sender, recipient, transfer.amount, state, call.ordinal, call.status))

    def _account(self, state: str, address: str, ordinal: int) -> str:
        """The account's state within this tool's. Mermaid fails when one state lies within two others, so an
        account that another tool shows too gets a second id there, drawn under its own name."""
        account = self._ids.id_of((state, address), address)
        node = self._nodes.get(account)
        if node is None and account != state_id(address):
            self._lines.append(f'        state "{state_id(address)}" as {account}')
        calls = node.calls if node else ()
        calls = calls if ordinal in calls else (*calls, ordinal)
        self._nodes[account] = FlowNode(account, FlowNodeKind.ACCOUNT, _told(address), state, calls)
        return account

    def finished(self) -> FlowDiagram:
        self._lines.append(f"    {self._last} --> {_TERMINAL}")
        self._edges.append(FlowEdge(self._last, END))
        if self._classes:
            self._lines += ["", "classDef tools fill:grey", *self._classes]
        nodes = (*self._nodes.values(), FlowNode(END, FlowNodeKind.END, _TERMINAL))
        calls = len(self._classes)
        return FlowDiagram("\n".join(self._lines), nodes, tuple(self._edges), calls, FIRST_STATES + calls)


def _told(text: str) -> str:
    """A label as data: on one line, nothing escaped for Mermaid, bounded."""
    return visible(shortened(" ".join(text.split()), MAX_LABEL))
