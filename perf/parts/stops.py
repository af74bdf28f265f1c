"""From the request to stop to the event that nothing of the runner lives any more."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from perf.report.figures import median, show
from tests.chaos.clients import EVENTS, STOP
from tests.chaos.deployment import Deployment, deployed
from tests.chaos.programs import Program

ROUNDS = 15
GRACE_S = 1.0


async def measure(url: str) -> None:
    """Prints medians and the largest, for a runner that obeys and one with a family that is deaf."""
    agents = {"held": "obedient runner", "family": "TERM-ignoring runner with grandchildren"}
    with tempfile.TemporaryDirectory() as name:
        settings = {"REEV_GQL_TERM_GRACE_S": str(GRACE_S)}
        async with deployed(Path(name), url, list(agents), **settings) as site:
            server = site.server(worker=True)
            took = {agent: [await _stop(site, server, agent) for _ in range(ROUNDS)] for agent in agents}
    show(
        f"Stop asked for → STOPPED seen ({ROUNDS} each, grace {GRACE_S:.0f} s)",
        [
            (title, f"median {median(took[agent]):.0f} ms · most {max(took[agent]):.0f} ms")
            for agent, title in agents.items()
        ],
    )


async def _stop(site: Deployment, server: Program, agent: str) -> float:
    execution_id = await site.launch(agent, f"{agent} {time.time_ns()}")
    await site.until_noted(execution_id, "started")
    await site.until_recorded(execution_id)
    async with site.client.subscription(EVENTS, id=execution_id, after=0) as items:
        began = None
        async for item in items:
            if item["executionEvents"]["kind"] == "TOOL_CALL_STARTED" and began is None:
                began = time.perf_counter()
                await site.client.until_answered(STOP, id=execution_id)
            if item["executionEvents"]["status"] == "STOPPED" and began is not None:
                return (time.perf_counter() - began) * 1000
    raise RuntimeError("it was not stopped")
