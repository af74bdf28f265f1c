"""Runs the lines of docs/export.md that read exports into data frames, and tells what is in the frames.

    python -m tests.helpers.data_frames DIRECTORY

A program of its own, because these libraries keep threads and files open. It prints JSON: by line of the document
the figures of each agent and settings hash.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import mean
from typing import Any

from tests.helpers.places import REPOSITORY

DOCUMENT = (REPOSITORY / "docs" / "export.md").read_text(encoding="utf-8")
READING, FIGURES = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
LINES = READING.splitlines()

Told = list[list[Any]]
"""Of each agent and settings hash: those two, attempts, solved, solve rate, mean score, cost, input tokens."""


def records(frame: Any) -> list[dict[str, Any]]:
    """The rows of a frame of any library; null is None."""
    if hasattr(frame, "to_dicts"):
        return list(frame.to_dicts())
    if hasattr(frame, "fetchall"):
        return [dict(zip(frame.columns, row, strict=True)) for row in frame.fetchall()]
    return list(frame.astype(object).where(frame.notna(), None).to_dict("records"))


def figures(rows: Iterable[dict[str, Any]]) -> Told:
    """Of attempts alone, each benchmark with the same weight; pandas makes numbers of booleans."""
    lines: dict[tuple[Any, Any], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["is_attempt"] == 1:
            lines[row["agent"], row["settings_hash"]].append(row)
    return [[*line, *figures_of(attempts)] for line, attempts in lines.items()]


def figures_of(attempts: Sequence[dict[str, Any]]) -> list[float | None]:
    rates, scores = defaultdict(list), defaultdict(list)
    for row in attempts:
        benchmark = row["benchmark_id"], row["benchmark_revision"]
        rates[benchmark].append(float(row["solved"] == 1))
        if row["computed_score"] is not None:
            scores[benchmark].append(row["computed_score"])
    return [
        len(attempts),
        sum(row["solved"] == 1 for row in attempts),
        mean(mean(each) for each in rates.values()),
        mean(mean(each) for each in scores.values()),
        total(row["cost_usd"] for row in attempts),
        total(row["input_tokens"] for row in attempts),
    ]


def total(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(sum(known)) if known else None


def main(directory: str) -> None:
    import duckdb
    import pandas
    import polars

    os.chdir(directory)
    told: dict[str, Told] = {}
    for line in LINES:
        found: dict[str, Any] = {"duckdb": duckdb, "pandas": pandas, "polars": polars}
        exec(line, found)  # noqa: S102
        told[line] = figures(records(found["frame"]))
    found = {"frame": pandas.read_parquet("executions.parquet")}
    exec(FIGURES, found)  # noqa: S102
    board = records(found["leaderboard"].reset_index())
    told["leaderboard"] = [
        [row[name] for name in ("agent", "settings_hash", "solved", "computed_score")] for row in board
    ]
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
