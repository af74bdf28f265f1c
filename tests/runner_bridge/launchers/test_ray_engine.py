"""When the process that talks to Ray counts as hanging."""

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
