"""Data frames have the numbers of the leaderboard, read by the very lines that docs/export.md shows."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from store.export.columns import markdown
from store.postgres.database import Database
from tests.helpers.data_frames import DOCUMENT, LINES, Told
from tests.helpers.ended_attempts import Ended, insert_ended, tried
from tests.helpers.places import REPOSITORY
from tests.helpers.site import Site

LEADERBOARD = """{
  leaderboard { entries { agent settingsHash figures { attempts solved solveRate meanScore cost inputTokens } } }
}"""


async def fill(db: Database) -> None:
    """Two agents, one with two models, several benchmarks and revisions, and ends that are no attempts."""
    usage = {"input_tokens": 120, "cost": 0.125, "settings_hash": "5e" * 32, "model": "m"}
    rows = [
        *tried(7, 10, agent="glm", usage=usage),
        *tried(1, 4, agent="glm", benchmark_id="other", usage={"settings_hash": "c4" * 32, "model": "n"}),
        *tried(1, 2, agent="glm", benchmark_id="other", revision=2, usage=usage),
        Ended(0.3, agent="glm", usage=usage),
        Ended(None, agent="glm", status="FAILED", failure="AGENT", usage=usage),
        Ended(None, agent="glm", status="FAILED", failure="LAUNCH", usage=usage),
        Ended(0.7, agent='plain, "quoted"\n=1+1'),
        Ended(1.0, agent='plain, "quoted"\n=1+1', usage={}),
    ]
    await insert_ended(db, rows)


def by_line(told: Told) -> dict[tuple[str, str | None], object]:
    return {(agent, settings): values for agent, settings, *values in told}


async def test_every_line_of_the_docs_gives_the_numbers_of_the_leaderboard(
    site: Site, tmp_path: Path
) -> None:
    await fill(site.db)
    for format in ("csv", "jsonl", "parquet"):
        async with site.client.get(f"{site.base}/export/executions.{format}") as response:
            (tmp_path / f"executions.{format}").write_bytes(await response.read())
    entries = (await site.post(LEADERBOARD))[1]["data"]["leaderboard"]["entries"]
    names = ("attempts", "solved", "solveRate", "meanScore", "cost", "inputTokens")
    expected = {
        (entry["agent"], entry["settingsHash"]): [
            value if value is None else pytest.approx(value)
            for value in (entry["figures"][name] for name in names)
        ]
        for entry in entries
    }
    assert len(expected) == 3
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.helpers.data_frames", str(tmp_path)), cwd=REPOSITORY, stdout=PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    told = json.loads(out)
    board = by_line(told.pop("leaderboard"))
    assert list(told) == LINES
    for library in ("pandas", "polars", "duckdb"):
        assert sum(f"= {library}." in line for line in LINES) == 3
    for line in LINES:
        assert by_line(told[line]) == expected, line
    assert board == {line: values[2:4] for line, values in expected.items()}


def test_the_docs_show_the_columns() -> None:
    shown = DOCUMENT.partition("<!-- columns: python -m store.export.columns -->\n")[2].partition(
        "<!-- /columns -->"
    )[0]
    assert shown == markdown()
