"""What an agent did, as the diagram that the old server drew; and the health of the server."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from gql_server.responses.errors import BadRequest
from gql_server.rest.context import Rest, not_found, read, tagged, written
from gql_server.rest.remembered import Tagged
from gql_server.rest.shapes import FlowAnswer, FlowCall, FlowMetadata, HealthAnswer
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.ids import is_id
from runner_bridge.sessions import flows
from runner_bridge.sessions.flows import FlowMaterial
from runner_bridge.version import VERSION
from schema.executions.flows import draw
from schema.renderings import flow_page
from store.executions import polled as polls
from store.model import ToolCall, ToolCallStatus
from store.postgres.text import storable_text

HTML = "text/html; charset=utf-8"


async def flow(rest: Rest, request: web.Request) -> web.StreamResponse:
    """GET /flows/{session_id}"""
    material = await _material(rest, request.match_info["session_id"])
    match request.query.get("format") or "json":
        case "json":
            return read(rest, request, _answer(material))
        case "html":
            metadata = flow_page.FlowMetadata(
                material.benchmark_id, material.session_id, material.execution_time_ms, material.pruned_at
            )
            page = flow_page.flow_page_html(material.benchmark_id, draw(material), metadata)
            return tagged(rest, request, Tagged(page.encode()), HTML)
        case _:
            raise BadRequest("`format` is json or html", code="INVALID_INPUT")


async def _material(rest: Rest, session_id: str) -> FlowMaterial:
    missing = not_found(
        code="EXECUTION_NOT_FOUND", message=f"No execution and no session file has the id {session_id[:80]!r}"
    )
    if not is_id(session_id):
        raise missing
    try:
        material = await flows.load(rest.db, rest.runner.sessions_dir, session_id)
    except FormatError as error:
        raise BadRequest(
            f"The session file cannot be read: {storable_text(str(error))}",
            code="RESULT_UNREADABLE",
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
        ) from None
    if material is None:
        raise missing
    return material


def _answer(material: FlowMaterial) -> FlowAnswer:
    drawn = draw(material)
    return FlowAnswer(
        session_id=material.session_id,
        diagram=drawn.text,
        metadata=FlowMetadata(
            state_count=drawn.state_count,
            tool_count=drawn.tool_count,
            execution_time_ms=material.execution_time_ms,
            benchmark_id=material.benchmark_id,
            session_id=material.session_id,
        ),
        sessions=[],
        tool_calls=[_call(call) for call in material.tool_calls],
    )


def _call(call: ToolCall) -> FlowCall:
    ended = call.status is not ToolCallStatus.UNFINISHED
    return FlowCall(
        tool_name=call.name,
        start_time=call.started_at,
        end_time=call.ended_at,
        duration_ms=call.duration_ms,
        status=call.status,
        success=call.status is ToolCallStatus.SUCCESS if ended else None,
        error=call.error_message,
    )


async def health(rest: Rest, request: web.Request) -> web.StreamResponse:
    """GET /health"""
    now = await polls.now(rest.db)
    return written(HealthAnswer(status="healthy", timestamp=now, version=VERSION))
