"""With runners on a real Ray cluster: workers, actors, nodes and the head are killed at the same points as workers
with runners beside them are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.deployment import Deployment, deployed
from tests.chaos.kill_points import (
    CLAIMING,
    EXITS,
    POINTS,
    ROOM,
    RUNNING,
    STOP_POINTS,
    STOPPING,
    UNRECORDED,
    AtEveryPoint,
    at_every_point,
    worker_killed_at_every_point,
    worker_killed_at_every_point_of_a_stop,
)
from tests.helpers.ray_cluster import RayCluster, cluster, needs_ray

PATIENCE_S = 400.0
"""Every runner has a process of Ray's besides its own, which takes a second of CPU to start."""

pytestmark = [*needs_ray, pytest.mark.timeout(1000)]

RECONNECT = {"RAY_gcs_rpc_server_reconnect_timeout_s": "15"}
"""How long nodes and drivers wait for a head that is away; a minute without it."""


@pytest.fixture(scope="module")
def ray() -> Iterator[RayCluster]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in RECONNECT.items():
            patch.setenv(name, value)
        with cluster() as made:
            yield made


@asynccontextmanager
async def on_ray(
    ray: RayCluster, directory: Path, url: str, agents: tuple[str, ...], place: str, **changes: str
) -> AsyncIterator[Deployment]:
    """Programs that start runners on the nodes that have `place`."""
    settings = {
        **ROOM,
        "REEV_GQL_LAUNCHER": "ray",
        "REEV_GQL_RAY_ADDRESS": ray.address,
        "REEV_GQL_RAY_RESOURCES": json.dumps({"*": {"num_cpus": 0, place: 1}}),
        "REEV_GQL_RAY_SPARES": "0",
    }
    async with deployed(directory, url, agents, **settings, **changes) as site:
        site.patience_s = PATIENCE_S
        yield site


async def test_a_worker_killed_at_every_point_of_an_execution_is_taken_over_at_each(
    tmp_path: Path, database_url: str, ray: RayCluster
) -> None:
    await asyncio.to_thread(partial(ray.add_node, first=10))
    async with on_ray(ray, tmp_path, database_url, POINTS, "first") as site:
        await worker_killed_at_every_point(site)


async def test_a_worker_killed_at_every_point_of_an_accepted_stop_leaves_it_to_end_as_stopped(
    tmp_path: Path, database_url: str, ray: RayCluster
) -> None:
    await asyncio.to_thread(partial(ray.add_node, second=10))
    async with on_ray(ray, tmp_path, database_url, STOP_POINTS, "second") as site:
        await worker_killed_at_every_point_of_a_stop(site)


async def test_actors_killed_at_every_point_lose_what_nobody_has_read(
    tmp_path: Path, database_url: str, ray: RayCluster
) -> None:
    await asyncio.to_thread(partial(ray.add_node, third=10))
    async with on_ray(ray, tmp_path, database_url, POINTS, "third") as site:
        now = await at_every_point(site)
        await just_written(now)
        for actor in await asyncio.to_thread(ray.actors):
            actor.kill()
        await now.open()
        # Ray starts its actor now.
        site.go(now.ids[CLAIMING])
        await lost_what_was_not_read(now, {CLAIMING: "SUCCEEDED"})


async def test_a_node_killed_at_every_point_loses_what_nobody_has_read(
    tmp_path: Path, database_url: str, ray: RayCluster
) -> None:
    node = await asyncio.to_thread(partial(ray.add_node, fourth=10))
    async with on_ray(ray, tmp_path, database_url, POINTS, "fourth") as site:
        now = await at_every_point(site)
        await just_written(now)
        node.kill()
        await now.open()
        # What had no actor yet waits for a node.
        await asyncio.to_thread(partial(ray.add_node, fourth=10))
        site.go(now.ids[CLAIMING])
        await lost_what_was_not_read(now, {CLAIMING: "SUCCEEDED"})


async def test_the_head_killed_at_every_point_and_gone_for_good_ends_every_execution(
    tmp_path: Path, database_url: str, ray: RayCluster
) -> None:
    """The last test: nothing is left of the cluster."""
    await asyncio.to_thread(partial(ray.add_node, fifth=10))
    away = {**RECONNECT, "REEV_GQL_RAY_UNREACHABLE_AFTER_S": "60"}
    async with on_ray(ray, tmp_path, database_url, POINTS, "fifth", **away) as site:
        now = await at_every_point(site)
        await just_written(now)
        ray.kill_head()
        await now.open()
        await lost_what_was_not_read(now, {CLAIMING: "FAILED"})
        row = await site.row(now.ids[CLAIMING])
        assert row["failure_kind"] == "LAUNCH", row["failure_message"]


async def just_written(now: AtEveryPoint) -> None:
    """The runner that exits by itself has written its result, which its worker may have read or not."""
    now.site.go(now.ids[EXITS])
    await now.site.until_noted(now.ids[EXITS], "wrote")


async def lost_what_was_not_read(now: AtEveryPoint, otherwise: dict[str, str]) -> None:
    """Each execution ends, once, no runner is started twice, and none lives on."""
    site, ends = now.site, await now.ends()
    assert ends.pop(EXITS) in ("SUCCEEDED", "LOST")
    lost = [UNRECORDED, RUNNING]
    expected = {**dict.fromkeys(POINTS, "SUCCEEDED"), **dict.fromkeys(lost, "LOST"), STOPPING: "STOPPED"}
    del expected[EXITS]
    reasons = {point: (await site.row(one))["failure_message"] for point, one in now.ids.items()}
    assert ends == {**expected, **otherwise}, reasons
    for point in lost:
        assert reasons[point].startswith("Ray lost the runner: "), reasons
    begun = int(ends[CLAIMING] == "SUCCEEDED")
    assert now.starts() == {**dict.fromkeys(POINTS, 1), CLAIMING: begun}
    await site.check(*now.ids.values())
