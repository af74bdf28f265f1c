"""A batch that is executed by real runners with a model: its live figures, and a rerun of what failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.acceptance.test_verdicts import open_benchmark
from tests.helpers.patience import eventually
from tests.helpers.scripted_endpoint import API_KEY, scripted_endpoint
from tests.helpers.server import running_server

SAVE = """
mutation ($url: String!, $key: String!) {
  saveAgentConfig(input: {
    agent: "local", apiUrl: $url, model: "some-model", apiKey: $key, settings: {priceIn: 1000, priceOut: 1000}
  }) { __typename }
}
"""
FIGURES = "figures { attempts solved solveRate meanComputedScore inputTokens outputTokens cost }"
RUN = """
mutation ($input: RunBenchmarksInput!) {
  runBenchmarks(input: $input) { ... on RunBenchmarksSuccess { batch { id } } ... on Error { message } }
}
"""
RERUN = """
mutation ($id: ID!) {
  rerunBatch(input: {batchId: $id, only: FAILED}) {
    ... on RunBenchmarksSuccess { batch { id executions { nodes { trial agent tags rerunOf { id } } } } }
    ... on Error { message }
  }
}
"""
BATCH = f"""
query ($id: ID!) {{
  batch(id: $id) {{ status endedAt timeLeftMs {FIGURES} executions {{ nodes {{ id trial status endedAt }} }} }}
}}
"""
FOLLOW = f"""
subscription ($id: ID!, $after: String) {{
  batchUpdates(batchId: $id, after: $after) {{
    cursor timeLeftMs {FIGURES} progress {{ isOver }} event {{ status }}
  }}
}}
"""
FOUND = """
{
  dear: executions(filter: {tokensAtLeast: 110, costAtLeast: 0.11, executionTags: ["suite=x"]}) { totalCount }
  free: executions(filter: {costAtMost: 0.1}) { totalCount }
}
"""
SEARCH = "query ($text: String!) { executions(filter: {search: $text}) { totalCount nodes { status } } }"
SCRIPT: list[dict[str, Any]] = [
    {"text": "I would rather do nothing."},
    {"status": 401},
    {"text": "I would rather pay in marbles.", "times": 2},
]


async def test_live_figures_end_as_they_are_stored_and_what_failed_is_executed_again(
    tmp_path: Path, database_url: str
) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "001-sol-transfer.yml").write_text(open_benchmark())
    settings = {"DATABASE_URL": database_url, "REEV_GQL_AGENTS": "deterministic,local"}
    request = {"benchmarkIds": ["001-sol-transfer"], "agents": ["local"], "repeats": 3, "tags": ["suite=x"]}
    with scripted_endpoint(tmp_path, SCRIPT) as model:
        async with running_server(tmp_path, settings) as server:
            await server.ask(SAVE, url=model.url, key=API_KEY)
            batch_id = (await server.ask(RUN, input=request))["runBenchmarks"]["batch"]["id"]
            async with server.watch(FOLLOW, id=batch_id) as items:
                updates = [item["batchUpdates"] async for item in items]
            stored = (await server.ask(BATCH, id=batch_id))["batch"]
            async with server.watch(FOLLOW, id=batch_id, after=updates[0]["cursor"]) as items:
                again = [item["batchUpdates"] async for item in items]
            rerun = (await server.ask(RERUN, id=batch_id))["rerunBatch"]["batch"]
            async with server.watch(FOLLOW, id=rerun["id"]) as items:
                after_rerun = [item["batchUpdates"] async for item in items][-1]
            found = await server.ask(FOUND)

            async def statuses(text: str) -> list[str]:
                nodes = (await server.ask(SEARCH, text=text))["executions"]["nodes"]
                return [node["status"] for node in nodes]

            async def both() -> bool:
                return len(await statuses("rather marbles")) == 2

            await eventually(both)
            assert await statuses('"do nothing"') == ["SUCCEEDED"]
            assert await statuses("AUTH -marbles") == ["FAILED"]
    ends = [update["event"]["status"] for update in updates if update["event"] is not None]
    assert sorted(end for end in ends if end != "RUNNING") == ["FAILED", "SUCCEEDED", "SUCCEEDED"]
    last = updates[-1]
    assert (last["progress"]["isOver"], last["timeLeftMs"]) == (True, 0)
    assert last["figures"] == stored["figures"]
    assert (last["figures"]["attempts"], last["figures"]["inputTokens"], last["figures"]["cost"]) == (
        2,
        200,
        0.22,
    )
    # What is resumed knows everything at once, and ends with the same.
    assert [update["figures"] for update in again] == [last["figures"]] * len(again)
    members = stored["executions"]["nodes"]
    assert (stored["status"], stored["endedAt"]) == ("COMPLETED", max(one["endedAt"] for one in members))
    [failed] = [one for one in members if one["status"] == "FAILED"]
    assert rerun["executions"]["nodes"] == [
        {"trial": failed["trial"], "agent": "local", "tags": ["suite=x"], "rerunOf": {"id": failed["id"]}}
    ]
    assert (after_rerun["figures"]["attempts"], after_rerun["figures"]["outputTokens"]) == (1, 10)
    assert found == {"dear": {"totalCount": 3}, "free": {"totalCount": 1}}
