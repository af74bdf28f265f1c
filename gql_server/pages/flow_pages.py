"""/flows/{executionId}: the flow of an execution as a page, from the database or else from its session file."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from gql_server.http.refusals import refusal
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.ids import is_id
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.sessions import flows
from schema.executions.flows import draw
from schema.renderings.flow_page import FlowMetadata, flow_page_html
from store.errors import StoreError
from store.postgres.database import Database


def flow_page(db: Database, runner: RunnerConfig) -> Handler:
    """Answers with the page, or with one line that says why there is none."""

    async def answer(request: web.Request) -> web.StreamResponse:
        session_id = request.match_info["execution_id"]
        if not is_id(session_id):
            return refusal(HTTPStatus.BAD_REQUEST, "This is not an execution id")
        try:
            material = await flows.load(db, runner.sessions_dir, session_id)
        except FormatError as error:
            return refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"The session file cannot be read: {error}")
        except StoreError:
            return refusal(
                HTTPStatus.SERVICE_UNAVAILABLE, "The database cannot be reached; try again shortly"
            )
        if material is None:
            return refusal(HTTPStatus.NOT_FOUND, f"No execution and no session file has the id {session_id}")
        metadata = FlowMetadata(
            material.benchmark_id, material.session_id, material.execution_time_ms, material.pruned_at
        )
        page = flow_page_html(material.benchmark_id, draw(material), metadata)
        return web.Response(text=page, content_type="text/html", headers={"Cache-Control": "no-store"})

    return answer
