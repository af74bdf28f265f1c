"""Rows and facts in as many columns as the terminal has: no word is torn while it fits, and nothing is cut off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gql_server.cli.views.texts import UNKNOWN, printable

INDENT = 2
BETWEEN = "  "
UNLIMITED = 1_000_000
"""More columns than any table has."""


class Rows:
    """A table where every word fits into its column; otherwise each row as a paragraph of named values.

    The first column says which row it is.
    """

    def __init__(self, *columns: str) -> None:
        self._columns = columns
        self._rows: list[list[Text]] = []

    def add_row(self, *cells: Text | str) -> None:
        """Adds a row. Text is printed as it is: brackets in it are no markup."""
        self._rows.append([cell if isinstance(cell, Text) else Text(cell) for cell in cells])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        table = self._table()
        needed = table.__rich_measure__(console, options.update(max_width=UNLIMITED)).minimum
        if needed <= options.max_width:
            yield table
            return
        for first, *others in self._rows:
            yield Text(first.plain, style=first.style or "bold", overflow="fold")
            yield from self._paragraph(others, options.max_width)

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for number, column in enumerate(self._columns):
            table.add_column(column, overflow="fold", no_wrap=number == 0)
        for row in self._rows:
            table.add_row(*row)
        return table

    def _paragraph(self, cells: list[Text], width: int) -> Iterator[RenderableType]:
        """As many values a line as fit; one that needs several lines begins its own."""
        line = Text()
        for name, cell in zip(self._columns[1:], cells, strict=True):
            if cell.plain in ("", UNKNOWN):
                continue
            pair = Text.assemble((f"{name} ", "dim"), cell)
            pair.overflow = "fold"
            long = "\n" in cell.plain or INDENT + pair.cell_len > width
            if line and (long or INDENT + line.cell_len + len(BETWEEN) + pair.cell_len > width):
                yield _indented(line)
                line = Text()
            if long:
                yield _indented(pair)
            else:
                line.append(BETWEEN if line else "").append_text(pair)
        if line:
            yield _indented(line)


def _indented(text: Text) -> Padding:
    return Padding(text, (0, 0, 0, INDENT), expand=False)


def facts(rows: Iterable[tuple[str, object]]) -> Table:
    """Names and values, a line for each; what is None is not known."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(overflow="fold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(Text(name, style="dim"), text_of(value))
    return grid


def text_of(value: object) -> Text:
    """A value from outside, as it can be printed."""
    return Text(UNKNOWN if value is None else printable(value))
