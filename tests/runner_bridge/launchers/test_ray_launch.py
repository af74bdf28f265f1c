"""What a launch does when an actor is lost before it has a runner; no cluster is needed for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner_bridge.errors import LaunchError
from runner_bridge.launchers.ray import ray_launcher
from runner_bridge.launchers.ray.engine import Gone, RayEngine
from runner_bridge.launchers.ray.ray_launcher import RayLauncher
from runner_bridge.launchers.ray_settings import RaySettings
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.launchers.start_runner import Order

PLACE = {"host": "node", "pid": 7, "age_s": 0.0, "version": "1"}
DIED = Gone("The actor is dead because its worker process has died")
NODE_DIED = Gone("The actor died because its node has died")
FAILS = Gone("The actor died because of an error raised in its creation task, ray::Actor.__init__()")


ORDER = Order("an-execution", "agent", 1, None, "benchmark", "", None, (), {})


class Cluster:
    """What an engine is asked, and its answers: those to "take" are given."""

    def __init__(self, *taking: bool | Gone) -> None:
        self.taking: Iterator[bool | Gone] = iter(taking)
        self.asked: list[str] = []

    async def ask(self, operation: str, **_: Any) -> None:
        self.asked.append(operation)

    async def call(self, name: str, method: str, *_: Any, **__: Any) -> Any:
        if method == "read":
            await asyncio.Event().wait()
        self.asked.append(method)
        if method != "take":
            return PLACE
        answer = next(self.taking)
        if isinstance(answer, Gone):
            raise answer
        return answer


async def launched(cluster: Cluster, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RayEngine, "ask", lambda _, *given, **named: cluster.ask(*given, **named))
    monkeypatch.setattr(RayEngine, "call", lambda _, *given, **named: cluster.call(*given, **named))
    monkeypatch.setattr(ray_launcher, "RETRY_S", 0.0)
    config = RunnerConfig(sessions_dir=directory, output_dir=directory)
    launcher = RayLauncher(config, RaySettings())
    runner = await launcher.launch(ORDER)
    runner.let_go()
    await launcher.close()


@pytest.mark.parametrize("lost", [DIED, NODE_DIED, False])
async def test_an_actor_that_is_lost_before_it_has_a_runner_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: bool | Gone
) -> None:
    """False is the answer of one that leaves, because nobody has asked for it in time."""
    cluster = Cluster(lost, True)
    await launched(cluster, tmp_path, monkeypatch)
    assert cluster.asked == ["create", "take", "create", "take", "launch"]


async def test_an_actor_that_cannot_be_made_fails_the_launch_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = Cluster(FAILS)
    with pytest.raises(LaunchError, match="error raised in its creation task"):
        await launched(cluster, tmp_path, monkeypatch)
    assert cluster.asked == ["create", "take", "kill"]
