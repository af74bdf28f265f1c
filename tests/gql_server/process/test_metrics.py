"""/metrics tells what happens, to whoever may ask, and says so when the database is away."""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from runner_bridge.counters import Counters
from store.errors import DatabaseUnavailable
from store.executions import state_machine
from store.live.hub import Hub
from store.model import ExecutionStatus
from store.postgres.database import Database
from tests.helpers.command_line import start_cli
from tests.helpers.patience import DEADLINE_S, eventually
from tests.helpers.site import MakeSite, Site
from tests.helpers.stored_rows import append, background, ending, in_state, queued

TOKEN = "a-token-of-some-length"
Gauges = dict[tuple[str, str], float]


async def scrape(site: Site, **headers: str) -> Gauges:
    async with site.client.get(f"{site.base}/metrics", headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/plain"
        text = await response.text()
    return {
        (
            sample.name.removeprefix("reev_gql_"),
            sample.labels.get("status") or sample.labels.get("le") or "",
        ): (sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_executions_are_counted_by_what_became_of_them(db: Database, site: Site) -> None:
    for status in ExecutionStatus:
        await in_state(db, status)
    await queued(db)
    found = await scrape(site)
    assert found["queue_depth", ""] == 2
    assert found["queue_oldest_seconds", ""] > 0
    assert {s: found["live_executions", s] for s in ("QUEUED", "RUNNING", "STOPPING")} == {
        "QUEUED": 2,
        "RUNNING": 1,
        "STOPPING": 1,
    }
    ended = {status: count for (name, status), count in found.items() if name == "executions_ended_total"}
    assert ended == {status.value: 1 for status in ExecutionStatus if status.is_terminal}
    assert found["database_up", ""] == 1
    assert found["server_hub_lag_seconds", ""] < 30
    assert not [name for name, _ in found if name.startswith(("python_", "process_"))]


async def test_only_news_counts_as_feedback(db: Database, hub: Hub, site: Site) -> None:
    execution_id = await in_state(db, ExecutionStatus.RUNNING)
    seen: list[int] = []

    async def follow() -> None:
        async with contextlib.aclosing(hub.follow_execution(execution_id)) as items:
            async for item in items:
                seen.append(item.event.seq)

    async with background(follow()) as [following]:
        await eventually(lambda: _true_when(len(seen) == 2))
        await eventually(lambda: _true_when(hub.followers == 1))
        assert (await scrape(site))["server_feedback_seconds_count", ""] == 0
        await append(db, execution_id, 1)
        await state_machine.finish(db, execution_id, ending())
        async with asyncio.timeout(DEADLINE_S):
            await following
    found = await scrape(site)
    assert found["server_feedback_seconds_count", ""] == found["server_feedback_seconds_bucket", "+Inf"] == 2
    assert 0 < found["server_feedback_seconds_sum", ""] < 60
    assert found["server_followers", ""] == 0


async def test_what_the_worker_of_this_process_counts_is_told(
    db: Database, hub: Hub, make_site: MakeSite
) -> None:
    names = ("leaked_processes", "time_limits", "recovered_executions")
    counted = Counters()
    site = await make_site(counters=counted)
    assert [(await scrape(site))[f"server_{name}_total", ""] for name in names] == [0, 0, 0]
    counted.leaked_processes, counted.time_limits, counted.recovered = 1, 2, 3
    assert [(await scrape(site))[f"server_{name}_total", ""] for name in names] == [1, 2, 3]


async def _true_when(condition: bool) -> bool:
    return condition


async def test_it_needs_the_token_where_one_is_set(make_site: MakeSite) -> None:
    site = await make_site(token=TOKEN)
    async with site.client.get(f"{site.base}/metrics") as response:
        assert response.status == 401
    assert await scrape(site, Authorization=f"Bearer {TOKEN}")


async def test_an_unknown_host_or_another_page_is_refused(site: Site) -> None:
    for headers, status in (({"Host": "evil.example"}, 421), ({"Origin": "http://evil.example"}, 403)):
        async with site.client.get(f"{site.base}/metrics", headers=headers) as response:
            assert response.status == status


async def test_without_the_database_it_says_so_and_repeats_nothing(
    db: Database, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*arguments: object) -> None:
        raise DatabaseUnavailable("away")

    monkeypatch.setattr("store.workers.gauges.read", away)
    found = await scrape(site)
    assert found["database_up", ""] == 0
    assert not [
        name for name, _ in found if name in ("queue_depth", "live_executions", "executions_ended_total")
    ]
    assert ("server_hub_lag_seconds", "") in found


async def test_however_often_it_is_read_the_database_is_asked_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from store.workers import gauges

    asked: list[object] = []
    read = gauges.read

    async def counted(db: Database) -> gauges.Gauges:
        asked.append(db)
        return await read(db)

    monkeypatch.setattr("gql_server.process.metrics.REMEMBER_S", 600.0)
    monkeypatch.setattr("store.workers.gauges.read", counted)
    await asyncio.gather(*(scrape(site) for _ in range(10)))
    assert len(asked) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104
async def test_a_worker_without_a_server_tells_of_itself_where_it_shall(
    tmp_path: Path, database_url: str, host: str
) -> None:
    settings = {"DATABASE_URL": database_url, "REEV_GQL_TOKEN": TOKEN, "REEV_GQL_WORKER_METRICS_PORT": "0"}
    settings |= {"REEV_GQL_WORKER_METRICS_HOST": host, "REEV_GQL_ALLOWED_HOSTS": "worker.example"}
    log = tmp_path / "worker.log"
    with log.open("wb") as stderr:
        worker = await start_cli("worker", cwd=tmp_path, stderr=stderr.fileno(), **settings)
    try:
        while (found := re.search(rf"metrics=http://{host}:(\d+)/metrics", log.read_text())) is None:
            assert worker.returncode is None, log.read_text()
            await asyncio.sleep(0.05)
        url, bearer = f"http://127.0.0.1:{found[1]}/metrics", {"Authorization": f"Bearer {TOKEN}"}
        async with aiohttp.ClientSession() as client:
            answers = {}
            for name, headers in (
                ("no token", {}),
                ("another host", {**bearer, "Host": "evil.example"}),
                ("bearer", bearer),
                ("its name", {**bearer, "Host": "worker.example"}),
            ):
                async with client.get(url, headers=headers) as response:
                    answers[name] = response.status, await response.text()
            async with client.get(url.replace("/metrics", "/graphql"), headers=bearer) as response:
                assert response.status == 404
            async with client.get(url.replace("/metrics", "/healthz")) as response:
                assert response.status == 200
        assert (answers["no token"][0], answers["another host"][0], answers["its name"][0]) == (401, 421, 200)
        status, text = answers["bearer"]
        assert status == 200 and "reev_gql_server_leaked_processes_total 0" in text
        assert "reev_gql_database_up 1" in text
    finally:
        worker.terminate()
        assert await worker.wait() == 0
