"""Figures in a file, and what became of them since: for a look before and after a change, on one machine."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from rich.table import Table

from perf.report.figures import CONSOLE
from perf.report.goals import GOALS
from perf.report.lines import Line

TOLERANCE = 0.15
"""Two runs of the same code differ by so much on a machine that does something else too."""

LIBRARIES = ("aiohttp", "asyncpg", "graphql-core", "orjson", "strawberry-graphql", "uvloop")


def machine() -> dict[str, Any]:
    """What figures depend on besides our code."""
    node = shutil.which("node")
    found = subprocess.run([node, "--version"], capture_output=True, text=True, check=True) if node else None
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memoryGb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "node": None if found is None else found.stdout.strip(),
        **{library: version(library) for library in LIBRARIES},
    }


def _processor() -> str:
    """As Linux names it; elsewhere the architecture."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    named = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return named[1] if named else platform.machine()


async def save(path: Path, lines: Sequence[Line]) -> None:
    """Writes them as JSON: the machine, then each line by its key."""
    goals = {goal.line: goal.text for goal in GOALS}
    content = {
        "machine": machine(),
        "lines": {
            line.key: {
                "name": line.name,
                "value": round(line.value, 4),
                "unit": line.unit,
                "moreIsBetter": line.more_is_better,
                "goal": goals.get(line.key),
            }
            for line in lines
        },
    }
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    await asyncio.to_thread(path.write_text, text)


def read(path: Path) -> dict[str, Any]:
    """What `save` wrote. Raises OSError, and ValueError for another file."""
    content = json.loads(path.read_text())
    if not isinstance(content, dict) or not {"machine", "lines"} <= content.keys():
        raise ValueError(f"{path} holds no figures of `make perf`")
    return content


def change(before: Mapping[str, Any], line: Line) -> float:
    """How much better `line` is than it was, as a share; negative when it is worse."""
    ratio = line.value / before["value"] if before["value"] else 1.0
    return ratio - 1 if line.more_is_better else 1 - ratio


def show_changes(before: Mapping[str, Any], lines: Sequence[Line]) -> None:
    """Each line that both runs have, before and now; what got worse by more than TOLERANCE is marked."""
    if before["machine"] != machine():
        CONSOLE.print("The earlier figures are of another machine or of other versions: compare ratios only.")
    table = Table(title="Since then", title_justify="left", min_width=90)
    table.add_column("", ratio=3)
    for heading in ("before", "now", "better by"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for line in lines:
        former = before["lines"].get(line.key)
        if former is None:
            continue
        better = change(former, line)
        mark = "✗ regression" if better < -TOLERANCE else "✓" if better > TOLERANCE else ""
        was = Line(line.key, line.name, former["value"], former["unit"])
        table.add_row(line.name, str(was), str(line), f"{better:+.0%}", mark)
    CONSOLE.print(table)
