"""The reference audits of the GraphQL-over-HTTP specification, MUST, SHOULD and MAY: every one passes."""

from __future__ import annotations

from tests.gql_server.conftest import Site
from tests.node_programs import run_node

AUDITS = 61


async def test_every_audit_of_graphql_http_passes(site: Site) -> None:
    results = await run_node("audits.mjs", f"{site.base}/graphql")
    assert len(results) == AUDITS
    assert [result for result in results if result["status"] != "ok"] == []
