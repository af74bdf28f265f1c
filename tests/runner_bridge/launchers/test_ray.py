"""Runners on the nodes of a real Ray cluster, while runners, actors, nodes, workers and the head are killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from runner_bridge.launchers.ray.engine import RayEngine, Unavailable
from runner_bridge.launchers.ray.ray_launcher import RayLauncher
from runner_bridge.launchers.ray.spares import Spares
from runner_bridge.launchers.ray_settings import RaySettings
from store.executions import output, state_machine
from store.model import EventKind, Execution, ExecutionId, ExecutionStatus, FailureKind
from tests.helpers.bridge import Bridge, DirectedWorker
from tests.helpers.patience import eventually, until
from tests.helpers.ray_cluster import RayCluster, cluster, needs_ray

pytestmark = [*needs_ray, pytest.mark.timeout(1000)]

S = ExecutionStatus

CANARY = "sk-canary-of-the-ray-launcher"

RECONNECT = {"RAY_gcs_rpc_server_reconnect_timeout_s": "15"}
"""How long nodes and drivers wait for a head that is away; a minute without it."""


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[RayCluster]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in RECONNECT.items():
            patch.setenv(name, value)
        with cluster() as made:
            made.add_node(cpus=10)
            yield made


@pytest.fixture
async def ray(ray_cluster: RayCluster) -> AsyncIterator[RayEngine]:
    """What the workers of a test share: a driver takes a second of CPU to start."""
    engine = RayEngine(RaySettings(ray_cluster.address, unreachable_after_s=120))
    yield engine
    await engine.close()


def worker_of(bridge: Bridge, ray: RayEngine, mode: str, **changes: Any) -> DirectedWorker:
    """A worker that starts runners on the cluster; `resources` is what they need."""
    settings = replace(ray.settings, resources=changes.pop("resources", {}), spares=changes.pop("spares", 0))
    worker = bridge.worker(mode, ray=settings, **changes)
    launcher = worker._context.launchers.chosen
    assert isinstance(launcher, RayLauncher)
    launcher.engine = launcher.spares.engine = ray
    return worker


@asynccontextmanager
async def handling(
    bridge: Bridge, ray: RayEngine, mode: str, execution_id: ExecutionId | None = None, **changes: Any
) -> AsyncIterator[tuple[ExecutionId, asyncio.Task[None]]]:
    """A worker that sees an execution to its end in the background."""
    worker = worker_of(bridge, ray, mode, **changes)
    execution_id = execution_id or await bridge.request()
    task = asyncio.create_task(worker.handle(execution_id))
    try:
        yield execution_id, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def node_directory(execution_id: ExecutionId) -> Path:
    return Path(tempfile.gettempdir()) / f"reev-gql-runners-{os.getuid()}" / str(execution_id)


def cue(execution_id: ExecutionId) -> None:
    """Lets the fake runner go on."""
    (node_directory(execution_id) / "sessions" / f"cue_{execution_id}").touch()


async def recorded(bridge: Bridge, execution_id: ExecutionId) -> Execution:
    """The execution when its runner is ready and recorded."""
    await bridge.ready(execution_id)

    async def found() -> Execution | None:
        execution = await bridge.get(execution_id)
        return execution if "pid" in (execution.handle or {}) else None

    return await eventually(found)


def actor_of(execution: Execution) -> psutil.Process:
    """The process of the actor: the parent of the runner's reaper."""
    assert execution.handle is not None
    parent = psutil.Process(execution.handle["pid"]).parent()
    assert parent is not None
    return parent


async def told(bridge: Bridge, execution_id: ExecutionId, kind: EventKind, times: int) -> bool:
    return [event.kind for event in await bridge.history(execution_id)].count(kind) >= times


async def gone(bridge: Bridge, execution_id: ExecutionId) -> None:
    await until(lambda: bridge.living(execution_id) == [])


async def test_runners_on_nodes_are_followed_stopped_and_limited_like_those_beside_their_worker(
    bridge: Bridge, ray: RayEngine
) -> None:
    await asyncio.gather(
        is_followed(bridge, ray),
        *(is_stopped(bridge, ray, mode) for mode in ("family", "setsid-escape", "ignore-term")),
        exceeds_its_limit(bridge, ray),
    )


async def is_followed(bridge: Bridge, ray: RayEngine) -> None:
    """Each call of a tool is an event before the next one begins."""
    async with handling(bridge, ray, "slow-tools") as (execution_id, task):
        for number in (1, 2, 3):
            await eventually(partial(told, bridge, execution_id, EventKind.TOOL_CALL_STARTED, number))
            (node_directory(execution_id) / "sessions" / f"seen_{execution_id}_{number}").touch()
        await task
    execution = await bridge.get(execution_id)
    assert (execution.status, execution.exit_code, execution.launcher) == (S.SUCCEEDED, 0, "ray")
    assert await told(bridge, execution_id, EventKind.TOOL_CALL_ENDED, 3)
    assert bridge.living(execution_id) == []
    assert not node_directory(execution_id).exists(), "its files on the node are removed"


async def is_stopped(bridge: Bridge, ray: RayEngine, mode: str) -> None:
    """A stop reaches everything that the runner started on its node."""
    async with handling(bridge, ray, mode) as (execution_id, task):
        await recorded(bridge, execution_id)
        assert bridge.living(execution_id)
        await state_machine.request_stop(bridge.db, execution_id)
        await task
    execution = await bridge.get(execution_id)
    assert (execution.status, execution.leaked_processes) == (S.STOPPED, ())
    assert bridge.living(execution_id) == []


async def exceeds_its_limit(bridge: Bridge, ray: RayEngine) -> None:
    execution_id = await bridge.request(timeout_ms=500)
    async with handling(bridge, ray, "hang", execution_id) as (_, task):
        await task
    assert (await bridge.get(execution_id)).status is S.TIMED_OUT
    assert bridge.living(execution_id) == []


async def test_a_worker_elsewhere_takes_over_and_has_all_that_was_written(
    bridge: Bridge, ray: RayEngine, tmp_path: Path
) -> None:
    """It has other directories, so only the node has the files, and a driver of its own, which is killed, too."""
    async with handling(bridge, ray, "ends-on-cue") as (execution_id, task):
        before = await recorded(bridge, execution_id)
        task.cancel()
    heir = replace(
        bridge, config=replace(bridge.config, sessions_dir=tmp_path / "other", output_dir=tmp_path / "runs2")
    )
    heir.config.output_dir.mkdir()
    async with handling(heir, ray, "ends-on-cue", execution_id) as (_, task):
        await heir.ready(execution_id)
        assert ray._process is not None
        ray._process.kill()
        cue(execution_id)
        await task
    execution = await bridge.get(execution_id)
    assert (execution.status, execution.handle) == (S.SUCCEEDED, before.handle)
    assert (await output.read(bridge.db, execution_id, 0)).text.split() == ["ready", "and", "done"]


async def test_a_launch_that_was_stored_and_never_made_is_made_by_the_next_worker(
    bridge: Bridge, ray: RayEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr("runner_bridge.launchers.ray.ray_launcher.RayLauncher.launch", crash)
        execution_id = await bridge.request()
        with pytest.raises(asyncio.CancelledError):
            await worker_of(bridge, ray, "ok").handle(execution_id)
    execution = await bridge.get(execution_id)
    assert execution.handle is not None and "pid" not in execution.handle
    async with handling(bridge, ray, "ok", execution_id) as (_, task):
        await task
    assert (await bridge.get(execution_id)).status is S.SUCCEEDED


def spares_of(worker: DirectedWorker) -> Spares:
    launcher = worker._context.launchers.chosen
    assert isinstance(launcher, RayLauncher)
    launcher.prepare()
    return launcher.spares


async def ready(spares: Spares) -> str:
    """The name of the first spare, which stays one."""
    await until(lambda: bool(spares._ready))
    return spares._ready[0][0]


async def test_an_actor_is_ready_before_its_execution_and_leaves_when_nobody_needs_it(
    bridge: Bridge, ray_cluster: RayCluster, ray: RayEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is replaced; it makes room for a runner that has none; a launch whose spare has died makes another."""
    monkeypatch.setattr("runner_bridge.launchers.ray.spares.ASK_S", 0.2)
    await asyncio.to_thread(partial(ray_cluster.add_node, one=1))
    needs_it = {"*": {"one": 1.0}}
    worker = worker_of(bridge, ray, "ends-on-cue", resources=needs_it, spares=1)
    spares = spares_of(worker)
    name = await ready(spares)
    execution_id = await bridge.request()
    task = asyncio.create_task(worker.handle(execution_id))
    execution = await recorded(bridge, execution_id)
    assert execution.handle is not None and execution.handle["actor"] == name
    assert await ray.call(name, "leave") is False, "it has a runner"
    cue(execution_id)
    await task
    assert (await bridge.get(execution_id)).status is S.SUCCEEDED

    # The next one holds the only room, of which another worker knows nothing.
    second = await ready(spares)
    assert second != name
    async with handling(bridge, ray, "ok", resources=needs_it) as (elsewhere, task):
        await task
    assert (await bridge.get(elsewhere)).status is S.SUCCEEDED

    # One that dies in the moment in which it is taken.
    await until(lambda: second not in [name for name, _ in spares._ready])
    third = await ready(spares)
    assert second not in await ray.ask("names")
    await ray.ask("kill", name=third)
    monkeypatch.setattr(spares, "keep", lambda _: None)
    execution_id = await bridge.request()
    task = asyncio.create_task(worker.handle(execution_id))
    execution = await recorded(bridge, execution_id)
    assert execution.handle is not None and execution.handle["actor"] == third
    cue(execution_id)
    await task
    assert (await bridge.get(execution_id)).status is S.SUCCEEDED
    await spares.close()


async def test_an_actor_and_a_node_that_are_killed_lose_their_executions_with_the_engines_reason(
    bridge: Bridge, ray_cluster: RayCluster, ray: RayEngine
) -> None:
    """The runners of both end, although nobody tells them to. Both are requested again, by setting."""
    node = await asyncio.to_thread(partial(ray_cluster.add_node, doomed=1))
    async with (
        handling(bridge, ray, "family", rerun_lost=True) as (of_actor, actor_task),
        handling(bridge, ray, "family", resources={"*": {"doomed": 1.0}}, rerun_lost=True) as (
            of_node,
            node_task,
        ),
    ):
        actor_of(await recorded(bridge, of_actor)).kill()
        await recorded(bridge, of_node)
        node.kill()
        await asyncio.gather(actor_task, node_task)
    for execution_id, reason in ((of_actor, "its worker process has died"), (of_node, "its node has died")):
        failure = (await bridge.get(execution_id)).failure
        assert failure is not None and failure.kind is FailureKind.LOST
        assert failure.message.startswith("Ray lost the runner: ") and reason in failure.message
        await gone(bridge, execution_id)
    again = await bridge.db.fetch("SELECT rerun_of FROM executions WHERE status = 'QUEUED'")
    assert {row["rerun_of"] for row in again} == {of_actor, of_node}


async def test_without_room_a_stop_ends_the_waiting_and_a_limit_does(bridge: Bridge, ray: RayEngine) -> None:
    nowhere = {"*": {"no-such-thing": 1.0}}
    async with handling(bridge, ray, "ok", resources=nowhere) as (execution_id, task):
        await until_handle(bridge, execution_id)
        await state_machine.request_stop(bridge.db, execution_id)
        await task
        assert (await bridge.get(execution_id)).status is S.STOPPED
    async with handling(bridge, ray, "ok", resources=nowhere, startup_timeout_ms=3000) as (
        execution_id,
        task,
    ):
        await task
    failure = (await bridge.get(execution_id)).failure
    assert failure is not None and failure.kind is FailureKind.LAUNCH
    assert failure.message == "Ray found no room for the runner within 3 s; it needs no-such-thing=1"


async def until_handle(bridge: Bridge, execution_id: ExecutionId) -> None:
    async def stored() -> bool:
        return (await bridge.get(execution_id)).handle is not None

    await eventually(stored)


async def test_no_secret_is_in_anything_that_ray_keeps(
    bridge: Bridge, ray_cluster: RayCluster, ray: RayEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_API_KEY", CANARY)
    execution_id = await bridge.request()
    await worker_of(bridge, ray, "secrets").handle(execution_id)
    execution = await bridge.get(execution_id)
    assert CANARY not in str(execution.handle)
    printed = (await output.read(bridge.db, execution_id, 0)).text
    assert "the key is" in printed and CANARY not in printed
    told = [path for path in ray_cluster.logs() if CANARY.encode() in path.read_bytes()]
    assert told == []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            assert not any(CANARY in argument for argument in process.cmdline())


async def is_reached(ray: RayEngine) -> bool:
    with contextlib.suppress(Unavailable):
        return bool(await ray.ask("cluster"))
    return False


async def test_a_cluster_that_stays_away_has_lost_its_runners_and_the_worker_lives(
    bridge: Bridge, ray_cluster: RayCluster, ray: RayEngine
) -> None:
    """The last test: it kills the head."""
    await eventually(partial(is_reached, ray))
    ray.settings = replace(ray.settings, unreachable_after_s=5)
    async with handling(bridge, ray, "hang") as (execution_id, task):
        await recorded(bridge, execution_id)
        ray_cluster.kill_head()
        await task
    execution = await bridge.get(execution_id)
    assert execution.status is S.LOST and execution.failure is not None
    assert execution.failure.message.startswith("Ray lost the runner:")
    await gone(bridge, execution_id)
