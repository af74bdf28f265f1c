"""When the process that talks to Ray counts as hanging, and what becomes of those that wait for it."""

from __future__ import annotations

import asyncio
import socket

import pytest

from runner_bridge.launchers.ray import engine as engine_module
from runner_bridge.launchers.ray.engine import RayEngine, Unavailable
from runner_bridge.launchers.ray_settings import RaySettings


async def test_a_call_that_waits_for_less_than_an_answer_may_take_says_nothing_of_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An actor that is waiting for room answers nobody; the calls of all others go on."""
    ours, theirs = socket.socketpair()
    with theirs:
        _, writer = await asyncio.open_connection(sock=ours)
        engine = RayEngine(RaySettings())
        engine._writer = writer
        with pytest.raises(Unavailable):
            await engine.call("a spare", "leave", patience_s=0.01)
        assert engine._writer is writer
        monkeypatch.setattr(engine_module, "ANSWER_S", 0.01)
        with pytest.raises(Unavailable):
            await engine.call("a runner", "describe", patience_s=0.01)
        assert engine._writer is None
        await engine.close()


async def test_all_that_wait_for_the_cluster_while_it_is_away_share_one_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One after the other, each would have to wait until those before it had given up."""
    engine, attempts = RayEngine(RaySettings()), 0
    begun, is_away = asyncio.Event(), asyncio.Event()

    async def start(_: RayEngine) -> asyncio.StreamWriter:
        nonlocal attempts
        attempts += 1
        begun.set()
        await is_away.wait()
        raise Unavailable("Ray cannot be reached")

    monkeypatch.setattr(RayEngine, "_start", start)
    asking = [asyncio.create_task(engine.call(f"runner {number}", "describe")) for number in range(5)]
    await begun.wait()
    asking[0].cancel()
    await asyncio.gather(asking[0], return_exceptions=True)
    is_away.set()
    answers = await asyncio.gather(*asking[1:], return_exceptions=True)
    assert attempts == 1 and {type(answer) for answer in answers} == {Unavailable}

    begun.clear()
    is_away.clear()
    asking = [asyncio.create_task(engine.call("a runner", "describe"))]
    await begun.wait()
    await engine.close()
    with pytest.raises(asyncio.CancelledError):
        await asking[0]
    assert attempts == 2
