"""The leaderboard, a comparison and a batch: a small database against a large one with equally many agents.

Through the server's engine, without HTTP. `leaderboards.end` measures what keeping the figures adds to an end.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from perf.load.seed import BATCH_ID, DAYS, seed
from perf.parts.scale import GOAL, ROUNDS, quiet, ratio, times
from perf.report.figures import median, show
from perf.report.lines import RATIO, Line
from store.agents.adding_up import add_up
from store.executions import state_machine
from store.model import Ending, ExecutionStatus
from store.postgres.database import Database
from tests.helpers.workers import claim

SMALL = 10_000
LARGE = 1_000_000
BENCHMARKS = 200
AGENTS = tuple(f"agent-{number:02}" for number in range(20))
BATCH = 1_000
"""The newest executions of both databases are a batch."""

ENDS = 60
"""Executions that end in a turn; two kinds of ends take turns."""

FIGURES = """
  attempts solved solveRate solveRateInterval { low high } meanScore meanScoreInterval { low high } inputTokens
  outputTokens cost costPerAttempt costPerSolved meanTimeMs
"""
COUNTS = "medianScore minScore maxScore distribution p50TimeMs p95TimeMs excluded { reason executions }"
ENTRY = "agent settingsHash settingsSummary model benchmarks isPartial"
CELLS = "byBenchmark { benchmarkId revision figures { attempts solved solveRate } }"

QUERIES = {
    "leaderboard": f"leaderboard {{ totalCount benchmarks entries {{ {ENTRY} figures {{ {FIGURES} }} }} }}",
    "leaderboard, every figure": f"leaderboard {{ entries {{ {ENTRY} figures {{ {FIGURES} {COUNTS} }} }} }}",
    "leaderboard by p95": (
        f"leaderboard(orderBy: {{field: P95_TIME}}, first: 10) {{ entries {{ {ENTRY} figures {{ {FIGURES} }} }} }}"
    ),
    "leaderboard of a tag": (
        f'leaderboard(filter: {{tags: ["even"]}}) {{ entries {{ {ENTRY} figures {{ {FIGURES} }} }} }}'
    ),
    "leaderboard, by benchmark": f"leaderboard {{ entries {{ {ENTRY} figures {{ {FIGURES} }} {CELLS} }} }}",
    "comparison of two agents": (
        'compareAttempts(baseline: {agents: ["agent-00"]}, candidate: {agents: ["agent-01"]}) '
        f"{{ verdict sentence baseline {{ {FIGURES} }} candidate {{ {FIGURES} }} "
        "benchmarks { benchmarkId verdict solveRateDifference } }"
    ),
    f"page of a batch of {BATCH:,}": (
        f'batch(id: "{BATCH_ID}") {{ id name size status timeLeftMs progress {{ ended isOver }} '
        f"figures {{ attempts solved solveRate cost }} "
        f"entries {{ {ENTRY} figures {{ {FIGURES} {COUNTS} }} {CELLS} }} "
        "executions(first: 50) { nodes { id benchmarkId agent trial status solved computedScore } } }"
    ),
    "list of batches": "batches(first: 20) { nodes { id name size figures { attempts solved } } }",
}


async def measure(new_url: Callable[[], Awaitable[str]]) -> list[Line]:
    """Prints quartiles; the seeding is not part of them."""
    urls = [await new_url(), await new_url()]
    for url, executions in zip(urls, (SMALL, LARGE), strict=True):
        await seed(url, executions, benchmarks=BENCHMARKS, agents=AGENTS, in_batch=BATCH, with_figures=True)
    small, large = await times(urls, QUERIES)
    show(
        f"{LARGE:,} executions against {SMALL:,}, {len(AGENTS)} agents, {BENCHMARKS} benchmarks, {DAYS} days: "
        f"quartiles of {ROUNDS} (goal: × {GOAL} at most)",
        [(name, ratio(large[name], small[name])) for name in QUERIES],
    )
    ratios = {name: quiet(large[name]) / quiet(small[name]) for name in QUERIES}
    slowest = max(ratios, key=lambda name: ratios[name])
    kept, bare, added_up = await _ends(urls[1])
    show(
        "an execution ends",
        [
            ("with figures kept / without", ratio(kept, bare)),
            (f"afterwards, {ENDS} added up together: each", f"{median(added_up):.2f} ms"),
        ],
    )
    return [
        Line("leaderboards.slowest", f"{LARGE:,} against {SMALL:,}: {slowest}", ratios[slowest], RATIO),
        Line("leaderboards.time", "leaderboard of 20 agents", median(large["leaderboard"]), "ms"),
        Line(
            "leaderboards.end",
            "an end with figures kept against one without",
            quiet(kept) / quiet(bare),
            RATIO,
        ),
    ]


NOTES_NOTHING = """
CREATE OR REPLACE FUNCTION note_performance() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'
"""


async def _ends(url: str) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of ends while the figures are kept, while they are not, and of adding up, for each end."""
    db = await Database.open(url)
    kept: list[float] = []
    bare: list[float] = []
    added_up: list[float] = []
    notes = await db.fetchval("SELECT pg_get_functiondef('note_performance'::regproc)")
    for turn in range(8):
        for definition, taken in ((notes, kept), (NOTES_NOTHING, bare)):
            await db.execute(definition)
            for number in range(ENDS):
                execution, _ = await state_machine.request_execution(
                    db,
                    benchmark_id=f"bench-{number % BENCHMARKS:03}",
                    agent=AGENTS[number % 20],
                    timeout_ms=1000,
                )
                await claim(db, execution.id)
                score = number / ENDS
                ending = Ending(
                    ExecutionStatus.SUCCEEDED,
                    score=score,
                    scoring={"score": score},
                    execution_time_ms=1000 + number,
                )
                began = time.perf_counter()
                await state_machine.finish(db, execution.id, ending)
                if turn > 1:
                    taken.append((time.perf_counter() - began) * 1000)
            began = time.perf_counter()
            await add_up(db)
            if taken is kept and turn > 1:
                added_up.append((time.perf_counter() - began) * 1000 / ENDS)
    await db.close()
    return kept, bare, added_up
