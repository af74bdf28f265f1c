"""What a conversation costs: the runner with a model that answers at once, against the reference answer."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from perf.report.figures import median, show
from perf.report.lines import RATIO, Line
from tests.helpers.local_runner import BENCHMARKS, finish, start
from tests.helpers.scripted_endpoint import API_KEY, scripted_endpoint

ROUNDS = 25
PAY = {"from": "USER_WALLET_PUBKEY", "to": "RECIPIENT_WALLET_PUBKEY", "amount": 100_000_000}
SCRIPT: list[dict[str, Any]] = [{"calls": [{"name": "sol_transfer", "arguments": PAY}]}, {"text": "Paid."}]


async def measure() -> list[Line]:
    """Prints the time of a runner's process from start to end, in turns, and the median of the ratios."""
    with tempfile.TemporaryDirectory() as name:
        return await asyncio.to_thread(_measure, Path(name))


def _measure(directory: Path) -> list[Line]:
    plain, asked = list[float](), list[float]()
    with scripted_endpoint(directory, SCRIPT * (ROUNDS + 1)) as endpoint:
        agent = json.dumps({"url": endpoint.url, "model": "scripted"})
        for _ in range(ROUNDS + 1):
            plain.append(_execution(directory, "deterministic"))
            asked.append(_execution(directory, "scripted", REEV_GQL_AGENT=agent, LLM_API_KEY=API_KEY))
    # The first of each reads modules that no other process has read lately.
    plain, asked = plain[1:], asked[1:]
    ratio = median(one / other for one, other in zip(asked, plain, strict=True))
    show(
        f"A runner's process from start to end, median of {ROUNDS}",
        [
            ("with the reference answer", f"{median(plain) * 1e3:.0f} ms"),
            ("with a model that answers at once, two requests", f"{median(asked) * 1e3:.0f} ms"),
            ("the second against the first", f"{ratio:.2f} ×"),
        ],
    )
    title = "execution with a model that answers at once, against the reference answer"
    return [Line("model.overhead", title, ratio, RATIO)]


def _execution(directory: Path, agent: str, **variables: str) -> float:
    execution_id = str(uuid.uuid4())
    arguments = (BENCHMARKS / "001-sol-transfer.yml", f"--agent={agent}", f"--execution-id={execution_id}")
    began = time.perf_counter()
    finished = finish(start(directory, *arguments, **variables), directory, execution_id)
    took = time.perf_counter() - began
    if finished.code != 0 or finished.tree["final_result"]["score"] != 1.0:
        raise RuntimeError(f"the execution with {agent} failed: {finished.stderr}")
    return took
