"""How figures are summed up and shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

CONSOLE = Console(width=110)


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which `share` of all lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: Iterable[float]) -> float:
    return percentile(values, 0.5)


def show(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """One table of a line per figure."""
    table = Table(title=title, title_justify="left", show_header=False, min_width=90)
    table.add_column(ratio=3)
    table.add_column(justify="right", ratio=2)
    for name, value in rows:
        table.add_row(name, value)
    CONSOLE.print(table)
