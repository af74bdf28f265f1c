"""Writes what was reached into docs/performance.md, from a file of figures.

make perf SAVE=figures.json && .venv/bin/python -m perf.report.documented figures.json
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perf.report import saved
from perf.report.goals import GOALS
from perf.report.lines import Line
from tests.helpers.places import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "performance.md"
BEGIN, END = "<!-- reached: python -m perf.report.documented -->\n", "<!-- /reached -->"


def table(figures: Mapping[str, Any]) -> str:
    """The goals, each with its figure, in Markdown."""
    machine = figures["machine"]
    told = [
        f"{machine['cores']} cores of {machine['processor']}, {machine['memoryGb']} GB, "
        f"Python {machine['python']}, Node {machine['node'] or 'absent'}.\n",
        "| work | goal | reached | |",
        "|---|---|---|---|",
    ]
    named = ""
    for goal in GOALS:
        found = figures["lines"].get(goal.line)
        value, mark = "not measured", ""
        if found is not None:
            value = str(Line(goal.line, found["name"], found["value"], found["unit"]))
            mark = "✓" if goal.reached(found["value"]) else "✗"
        told.append(f"| {'' if goal.work == named else goal.work} | {goal.text} | {value} | {mark} |")
        named = goal.work
    return "\n".join(told) + "\n"


def write(figures: Mapping[str, Any]) -> None:
    """Between the marks of the document, whose other text stays."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"{DOCUMENT} has lost its marks {BEGIN.strip()} and {END}")
    DOCUMENT.write_text(before + BEGIN + table(figures) + END + after, encoding="utf-8")


if __name__ == "__main__":
    write(saved.read(Path(sys.argv[1])))
