"""Flows: what an agent did, as a state diagram and as nodes and edges."""

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Self

import strawberry

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.ids import check_id
from runner_bridge.sessions import flows
from runner_bridge.sessions.flows import FlowMaterial
from schema.contract.context import Info
from schema.contract.enums import FlowNodeKind, FlowSource, ToolCallStatus
from schema.contract.errors import RequestError
from schema.contract.references import EXECUTION, nullable
from schema.executions.tool_calls import ToolCall
from schema.renderings import flow_diagram
from schema.renderings.flow_diagram import FlowDiagram
from store import model


@strawberry.type(description="A state of the diagram.")
class FlowNode:
    id: str = strawberry.field(description="Its name in the Mermaid text.")
    kind: FlowNodeKind = strawberry.field(description="What it represents.")
    label: str = strawberry.field(description="Its real text; it comes from an agent, so show it as text.")
    parent: str | None = strawberry.field(description="The node that contains it.")
    calls: list[int] = strawberry.field(description="Ordinals of the tool calls it represents.")


@strawberry.type(description="An arrow of the diagram.")
class FlowEdge:
    source: str = strawberry.field(description="The node it leaves.")
    target: str = strawberry.field(description="The node it reaches.")
    label: str | None = strawberry.field(description="Its real text.")
    parent: str | None = strawberry.field(description="The node that contains it.")
    call: int | None = strawberry.field(description="Ordinal of the tool call it represents.")
    status: ToolCallStatus | None = strawberry.field(description="How that tool call ended.")


@strawberry.type(description="What the agent did, in the order of real times.")
class Flow:
    material: strawberry.Private[FlowMaterial]
    execution_id: strawberry.ID = strawberry.field(description="The requested session id.")
    source: FlowSource = strawberry.field(description="Where it was read from.")
    benchmark_id: strawberry.ID = strawberry.field(description="The benchmark.")
    agent: str | None = strawberry.field(description="The agent that acted; null when the file does not say.")
    prompt: str | None = strawberry.field(description="What the agent was asked to do.")
    execution_time_ms: int | None = strawberry.field(description="Milliseconds it took; null when unknown.")
    tool_calls: Sequence[model.ToolCall] = strawberry.field(
        graphql_type=list[ToolCall], description="The tool calls, in the order of the log."
    )
    page: str = strawberry.field(description="Path of the same flow as a page of this server.")

    @classmethod
    def of(cls, material: FlowMaterial) -> Self:
        return cls(
            material=material,
            execution_id=strawberry.ID(material.session_id),
            source=material.source,
            benchmark_id=strawberry.ID(material.benchmark_id),
            agent=material.agent,
            prompt=material.prompt,
            execution_time_ms=material.execution_time_ms,
            tool_calls=material.tool_calls,
            page=f"/flows/{material.session_id}",
        )

    @cached_property
    def _drawn(self) -> FlowDiagram:
        """Drawn once for all selected fields."""
        return draw(self.material)

    @strawberry.field(description="The Mermaid text of the state diagram; every label in it is neutral.")
    def diagram(self) -> str:
        return self._drawn.text

    @strawberry.field(graphql_type=list[FlowNode], description="The states.")
    def nodes(self) -> Sequence[flow_diagram.FlowNode]:
        return self._drawn.nodes

    @strawberry.field(graphql_type=list[FlowEdge], description="The arrows.")
    def edges(self) -> Sequence[flow_diagram.FlowEdge]:
        return self._drawn.edges

    @strawberry.field(description="How many tool calls it shows.")
    def tool_count(self) -> int:
        return self._drawn.tool_count

    @strawberry.field(description="How many states it shows: prompt, agent and one per tool call.")
    def state_count(self) -> int:
        return self._drawn.state_count

    @strawberry.field(
        graphql_type=nullable(EXECUTION),
        description="The execution; null for a session that only its file knows.",
    )
    def execution(self) -> model.Execution | None:
        return self.material.execution


def draw(material: FlowMaterial) -> FlowDiagram:
    """The diagram of a flow's material."""
    return flow_diagram.flow_diagram(material.prompt, material.tool_calls, key_map=material.key_map)


async def flow(
    info: Info,
    execution_id: Annotated[
        strawberry.ID, strawberry.argument(description="An execution's UUID, or the id of a session file.")
    ],
) -> Flow | None:
    context = info.context
    try:
        check_id(execution_id, "execution id")
    except FormatError as error:
        raise RequestError("INVALID_ID", error.message) from None
    try:
        material = await flows.load(context.db, context.runner.sessions_dir, execution_id)
    except FormatError as error:
        raise RequestError("RESULT_UNREADABLE", f"The session file cannot be read: {error}") from None
    return None if material is None else Flow.of(material)
