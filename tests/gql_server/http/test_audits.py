"""The reference audits of the GraphQL-over-HTTP specification, MUST, SHOULD and MAY: every one passes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tests.helpers.node_programs import run_node
from tests.helpers.site import Site

AUDITS = 61


async def test_every_audit_of_graphql_http_passes(
    site: Site, record_property: Callable[[str, object], None]
) -> None:
    results = await run_node("audits.mjs", f"{site.base}/graphql")
    passed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for result in results:
        level = result["name"].split()[0]
        total[level] += 1
        passed[level] += result["status"] == "ok"
    levels = ", ".join(f"{passed[level]} of {total[level]} {level}" for level in ("MUST", "SHOULD", "MAY"))
    record_property("audits", levels)
    assert len(results) == AUDITS
    assert [result for result in results if result["status"] != "ok"] == []
