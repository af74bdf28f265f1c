"""Numbers as they are: whole ones to their last digit, percentages that do not round a difference away."""

from __future__ import annotations

import uuid

import asyncpg
import pytest
from playwright.async_api import expect

from tests.gql_server.dashboard.conftest import Dashboard

pytestmark = pytest.mark.browser

LARGE, NEXT = 9007199254740993, 9007199254740992
"""2^53 + 1, which a Number of JavaScript cannot hold, and the number that it holds instead."""

U64 = 18446744073709551615
"""The largest amount of a token."""

EXECUTION = """
INSERT INTO executions (id, benchmark_id, benchmark_revision, agent, origin, status, event_seq, queued_at,
                        started_at, ended_at, execution_time_ms, score, scoring, assertions)
SELECT $2, benchmark_id, benchmark_revision, agent, 'OBSERVED', status, 1, queued_at, started_at, ended_at, 1,
    score,
    jsonb_set(jsonb_set(jsonb_set(scoring, '{instructions,0,parts,0,expected}', to_jsonb($4::numeric)),
        '{instructions,0,parts,0,actual}', to_jsonb($5::numeric)), '{score}', to_jsonb($3::float8)),
    jsonb_build_array(jsonb_build_object(
        'index', 0, 'type', 'SolBalance', 'description', 'SOL balance', 'outcome', 'FAILED',
        'expected', jsonb_build_object('min', $4::numeric, 'max', $6::numeric), 'actual', $5::numeric,
        'weight', 1, 'reason', NULL))
FROM executions
WHERE id = $1
"""
CALL = """
INSERT INTO execution_tool_calls (execution_id, ordinal, name, raw_name, status, params, result)
SELECT $1, 1, 'transfer', 'transfer', 'SUCCESS', jsonb_build_object('amount', $3::numeric, 'ui', 0.1),
    jsonb_build_array($2::numeric, -$2::numeric)
"""


async def test_no_digit_of_an_amount_is_lost_and_almost_all_is_not_all(
    dashboard: Dashboard, database_url: str
) -> None:
    page = dashboard.page
    execution = await dashboard.run("001-sol-transfer")
    await dashboard.open(f"/executions/{execution}")
    await expect(page.locator("[data-status='SUCCEEDED']").first).to_be_visible()
    connection = await asyncpg.connect(database_url)
    try:
        for score, shown in ((0.9996, "> 99.9 %"), (0.0004, "< 0.1 %"), (1.0, "100 %")):
            other = uuid.uuid4()
            await connection.execute(EXECUTION, execution, other, score, LARGE, NEXT, U64)
            await connection.execute(CALL, other, LARGE, U64)
            await dashboard.open(f"/executions/{other}?tab=scoring")
            computed = page.get_by_role("region", name="Computed score")
            await expect(computed.locator(".score").first).to_have_text(shown)

        assertions = page.get_by_role("region", name="Assertions with expected and actual values")
        await expect(assertions).to_contain_text(f'"max":{U64}')
        await expect(assertions).to_contain_text(f'"min":{LARGE}')
        await expect(assertions.get_by_role("cell").last).to_have_text(str(NEXT))
        await page.get_by_text("Instruction 1:").click()
        points = page.get_by_role("region", name="Points of instruction 1").get_by_role("row").nth(1)
        await expect(points).to_contain_text(str(LARGE))
        await expect(points).to_contain_text(str(NEXT))

        await dashboard.open(f"/executions/{other}?tab=calls")
        await page.locator(".calls summary").first.click()
        calls = page.locator(".calls")
        for text in (f'"amount": {U64}', '"ui": 0.1', f"\n  {LARGE},\n  -{LARGE}\n"):
            assert text in (await calls.text_content() or "")
    finally:
        await connection.close()
