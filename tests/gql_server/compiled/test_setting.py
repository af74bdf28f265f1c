"""A server without compiled execution answers the same."""

from __future__ import annotations

from gql_server.operations.request import GraphQLRequest
from gql_server.process.application import create_engine
from gql_server.process.services import Services
from gql_server.settings.settings import Settings
from runner_bridge.counters import Counters
from store.live.hub import Hub
from store.model import ExecutionStatus
from store.postgres.database import Database
from tests.helpers.site import MakeSite
from tests.helpers.stored_rows import in_state

DOCUMENT = """query ($first: Int!) {
  executions(first: $first) { totalCount nodes { id status queuedAt failure { kind } benchmark { id } } }
  broken: execution(id: "no id") { id }
}"""


async def test_a_server_without_it_answers_the_same(db: Database, make_site: MakeSite) -> None:
    for status in ExecutionStatus:
        await in_state(db, status)
    compiled, plain = await make_site(), await make_site(compiled_execution=False)
    expected = await plain.post(DOCUMENT, {"first": 5})
    assert len(expected[1]["data"]["executions"]["nodes"]) == 5
    assert [error["extensions"]["code"] for error in expected[1]["errors"]] == ["INVALID_ID"]
    assert await compiled.post(DOCUMENT, {"first": 5}) == expected
    refused = await plain.post(DOCUMENT, {"first": "many"})
    assert refused[0] == 400 or "data" not in refused[1]
    assert await compiled.post(DOCUMENT, {"first": "many"}) == refused


async def test_the_setting_decides_whether_there_are_plans(db: Database, hub: Hub) -> None:
    for on in (True, False):
        settings = Settings.model_validate({"compiled_execution": on})
        engine = create_engine(settings, Services(db, hub, Counters()))
        operation = engine.operation(GraphQLRequest(DOCUMENT, variables={"first": 1}))
        assert (operation.plan is not None) is on
