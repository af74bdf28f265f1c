"""Rows of several tables that belong together, merged by the text of one column each.

Only keys and row numbers are sorted, by SQLite, which uses temporary files; the rows of one key are then read.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterator, Mapping
from itertools import chain, groupby, islice

from runner_bridge.reev_database.connection import Connection
from runner_bridge.reev_database.rows import Row, TableReader
from runner_bridge.reev_database.tables import quoted, select

_Place = tuple[bytes, int, int]
"""Key, which table, row number."""


def merge(
    connection: Connection,
    readers: Mapping[str, TableReader],
    keys: Mapping[str, str],
    remarks: list[str],
) -> Iterator[tuple[str, list[Row]]]:
    taken = [(readers[name], column) for name, column in keys.items() if name in readers]
    places = heapq.merge(
        *(_places(connection, reader, column, number) for number, (reader, column) in enumerate(taken))
    )
    for key, found in groupby(places, key=lambda place: place[0]):
        if not key:
            # Rows without a key have nothing in common.
            for _, number, rowid in found:
                yield "", [taken[number][0].row(rowid)]
            continue
        text = key.decode(errors="replace")
        group = _Group(connection, text)
        for number, places_of_table in groupby(found, key=lambda place: place[1]):
            group.take(taken[number][0], (rowid for _, _, rowid in places_of_table))
        if group.left_out:
            remarks.append(
                f"{text[:100]!r} has more rows than are taken together: {group.left_out} are left out"
            )
        yield text, group.rows


class _Group:
    """The rows of one key, within the limits."""

    def __init__(self, connection: Connection, key: str) -> None:
        self._connection = connection
        self._bytes = connection.limits.group_bytes
        self.key = key
        self.rows: list[Row] = []
        self.left_out = 0

    def take(self, reader: TableReader, rowids: Iterator[int]) -> None:
        space = self._connection.limits.group_rows - len(self.rows)
        numbers = list(islice(rowids, space))
        self.left_out += sum(1 for _ in rowids)
        for row in reader.rows_at(numbers):
            self._bytes -= sum([len(value) for value in row.values.values() if type(value) is str])
            if self._bytes < 0:
                self.left_out += 1
            else:
                self.rows.append(row)


def _places(connection: Connection, reader: TableReader, column: str, number: int) -> Iterator[_Place]:
    """The places of a table's rows in order of their keys."""
    table = reader.table
    statement = select([f"CAST({quoted(column)} AS BLOB)", table.rowid], table.name, "ORDER BY 1, 2")
    found = connection.rows(statement)
    try:
        first = next(found, None)
    except sqlite3.DatabaseError:
        # A key that is too long, or damage: what can be read is sorted here.
        rows = ((row.values[column], row.rowid) for row in reader.rows())
        yield from sorted((("" if key is None else str(key)).encode(), number, rowid) for key, rowid in rows)
        return
    if first is not None:
        for key, rowid in chain([first], found):
            yield key or b"", number, rowid
