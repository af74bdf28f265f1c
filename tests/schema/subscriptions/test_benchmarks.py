"""Benchmarks, live: the stream says where it stands, then what happens, from any cursor on without a gap."""

from __future__ import annotations

from typing import Any

import pytest

from runner_bridge.launchers.runner_config import RunnerConfig
from tests.helpers.samples import transfer_yaml

UPDATES = """
subscription ($after: String) {
  benchmarkUpdates(after: $after) {
    cursor outcome at benchmarkId revision benchmark { id revision description archivedAt runnableLocally }
  }
}
"""
UPSERT = "mutation ($source: String!) { upsertBenchmark(input: {source: $source}) { __typename } }"
SYNC = "mutation { syncBenchmarks { __typename } }"


async def _live(ask: Any, runner: RunnerConfig) -> list[tuple[str, int, str]]:
    file = runner.benchmarks_dir / "transfer.yml"
    file.write_text(transfer_yaml())
    await ask(SYNC)
    await ask(SYNC)
    file.write_text(transfer_yaml().replace("tenth", "fifth"))
    await ask(SYNC)
    await ask(UPSERT, source=transfer_yaml("other"))
    file.unlink()
    await ask(SYNC)
    return [
        ("transfer", 1, "CREATED"),
        ("transfer", 2, "UPDATED"),
        ("other", 1, "CREATED"),
        ("transfer", 2, "ARCHIVED"),
    ]


async def test_everything_is_told_and_any_cursor_resumes(ask: Any, watch: Any, runner: RunnerConfig) -> None:
    async with watch(UPDATES) as items:
        standing = (await anext(items))["benchmarkUpdates"]
        assert standing == {**dict.fromkeys(standing), "cursor": standing["cursor"]}
        expected = await _live(ask, runner)
        seen = [(await anext(items))["benchmarkUpdates"] for _ in expected]
    assert [(item["benchmarkId"], item["revision"], item["outcome"]) for item in seen] == expected
    assert [item["benchmark"]["revision"] for item in seen] == [1, 2, 1, 2]
    assert "fifth" in seen[1]["benchmark"]["description"]
    assert seen[3]["benchmark"]["archivedAt"] is not None
    cursors = [standing["cursor"], *(item["cursor"] for item in seen)]
    for position, cursor in enumerate(cursors[:-1]):
        async with watch(UPDATES, after=cursor) as items:
            assert (await anext(items))["benchmarkUpdates"]["cursor"] == cursor
            again = [(await anext(items))["benchmarkUpdates"]["cursor"] for _ in seen[position:]]
        assert again == cursors[position + 1 :]


async def test_a_list_and_the_updates_after_it_leave_no_gap(ask: Any, watch: Any) -> None:
    cursor = (await ask("{ benchmarks { updatesCursor } }"))["benchmarks"]["updatesCursor"]
    await ask(UPSERT, source=transfer_yaml("late"))
    async with watch(UPDATES, after=cursor) as items:
        await anext(items)
        assert (await anext(items))["benchmarkUpdates"]["benchmarkId"] == "late"


@pytest.mark.parametrize("cursor", ["", "x", "1.2.3", f"{2**62}.1"])
async def test_a_cursor_of_elsewhere_is_refused(watch: Any, cursor: str) -> None:
    async with watch(UPDATES, after=cursor) as items:
        refused = await anext(items)
    assert refused.errors[0].extensions["code"] == "INVALID_CURSOR"
