"""Documents that hypothesis-graphql makes from our schema: each is answered or refused, none breaks the server."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import Mode, from_schema, nodes

from gql_server.responses.error_codes import CODES
from schema import build_schema
from store.model import ExecutionStatus
from tests.helpers.site import Site
from tests.helpers.stored_rows import in_state

EXAMPLES = 50

IDS = [
    "00000000-0000-0000-0000-000000000000",
    "bench",
    "../../etc/passwd",
    "",
    "\u0000",
    "'; DROP TABLE executions; --",
]
"""The first one is replaced by that of an execution with everything an execution has."""

MUTATIONS_LEFT_OUT = {"testAgentConnection"}
"""It talks to addresses that `saveAgentConfig` was given."""

SCALARS = {
    "DateTime": st.sampled_from(["2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "soon", ""]).map(
        nodes.String
    ),
    "Date": st.sampled_from(["2026-01-01", "9999-12-31", "today"]).map(nodes.String),
    "JSON": st.sampled_from(["null", "{}", "\u0000"]).map(nodes.String),
    "ID": st.sampled_from(range(len(IDS))).map(lambda index: nodes.String(IDS[index])),
}


def documents(mode: Mode) -> st.SearchStrategy[Any]:
    """Made when the first one is asked for: that takes seconds, and every process of a run imports this module."""
    return st.deferred(lambda: _documents(mode))


def _documents(mode: Mode) -> st.SearchStrategy[Any]:
    schema = build_schema()._schema
    assert schema.mutation_type is not None and schema.query_type is not None
    fields = {*schema.query_type.fields, *schema.mutation_type.fields} - MUTATIONS_LEFT_OUT
    return from_schema(schema, fields=sorted(fields), custom_scalars=SCALARS, mode=mode)


def quick() -> settings:
    return settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=True,
    )


async def check(site: Site, document: str, accept: str) -> tuple[int, Any]:
    """The answer, in the shape of the specification and with codes that are listed."""
    async with site.client.post(
        f"{site.base}/graphql", json={"query": document}, headers={"Accept": accept}
    ) as response:
        answer = json.loads(await response.read())
        assert answer.keys() <= {"data", "errors"} and answer
        for error in answer.get("errors", []):
            assert error["extensions"]["code"] in CODES
            assert error["extensions"]["code"] != "INTERNAL", (document, error)
            assert ("path" in error) == ("data" in answer)
        return response.status, answer


@quick()
@given(document=documents(Mode.POSITIVE))
async def test_a_valid_document_is_answered_whatever_is_in_it(site: Site, document: str) -> None:
    # An earlier document may have archived its benchmark.
    await site.db.execute("UPDATE benchmarks SET archived_at = NULL")
    IDS[0] = str(await in_state(site.db, ExecutionStatus.SUCCEEDED))
    status, answer = await check(site, document, "application/graphql-response+json")
    if status == 200:
        assert "data" in answer
    else:
        # Valid but for the values of scalars that only their own type can judge.
        codes = {error["extensions"]["code"] for error in answer["errors"]}
        assert codes <= {"LIMIT_EXCEEDED", "GRAPHQL_VALIDATION_FAILED"}


@quick()
@given(document=documents(Mode.NEGATIVE))
async def test_an_invalid_document_is_refused_whatever_is_wrong_with_it(site: Site, document: str) -> None:
    status, answer = await check(site, document, "application/graphql-response+json")
    assert (status, "data" in answer) in ((400, False), (200, True))
