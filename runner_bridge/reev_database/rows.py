"""Rows of one table in the order of their numbers, whatever some of them hold.

The common case is one statement. Where it fails, the row at fault is read value by value, and what cannot be
had of it is null with a remark. After a damaged page reading goes on from the table's other end.
"""

from __future__ import annotations

import math
import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from runner_bridge.reev_database.connection import Connection
from runner_bridge.reev_database.errors import is_too_long
from runner_bridge.reev_database.tables import Table, quoted, select

Value = None | int | float | str


class Row(NamedTuple):
    """A row as the file has it, by column. The remarks say what of it could not be read as it stands."""

    table: str
    rowid: int
    values: dict[str, Value]
    remarks: tuple[str, ...] = ()


class TableReader:
    def __init__(self, connection: Connection, table: Table, remarks: list[str]) -> None:
        self._connection = connection
        self.table = table
        self._remarks = remarks
        wanted = (table.rowid, *map(quoted, table.columns))
        self._all = select(wanted, table.name, f"ORDER BY {table.rowid}")
        self._after = select(wanted, table.name, f"WHERE {table.rowid} > ? ORDER BY {table.rowid}")
        self._one = select(wanted, table.name, f"WHERE {table.rowid} = ?")
        self._range = select(
            wanted, table.name, f"WHERE {table.rowid} BETWEEN ? AND ? ORDER BY {table.rowid}"
        )

    def rows(self) -> Iterator[Row]:
        last: int | None = None
        while True:
            try:
                found = self._connection.rows(*((self._all,) if last is None else (self._after, (last,))))
                for values in found:
                    if last is not None and values[0] <= last:
                        raise sqlite3.DatabaseError("row numbers do not rise")
                    last = values[0]
                    yield self._row(values)
                return
            except sqlite3.DatabaseError:
                following = self._next_rowid(last)
            if following is None:
                yield from self._beyond_damage(last)
                return
            yield self._careful(following)
            last = following

    def row(self, rowid: int) -> Row:
        try:
            if found := self._connection.some(self._one, (rowid,)):
                return self._row(found[0])
        except sqlite3.DatabaseError:
            pass
        return self._careful(rowid)

    def rows_at(self, rowids: Sequence[int]) -> Iterator[Row]:
        """The rows of these rising numbers."""
        if len(rowids) > 1 and rowids[-1] - rowids[0] == len(rowids) - 1:
            try:
                found = self._connection.some(self._range, (rowids[0], rowids[-1]))
            except sqlite3.DatabaseError:
                found = []
            if len(found) == len(rowids):
                yield from map(self._row, found)
                return
        yield from map(self.row, rowids)

    def _row(self, found: tuple[Any, ...]) -> Row:
        for value in found:
            kind = type(value)
            # In the order of their frequency: this is looked at for each value of a file.
            if (
                "\0" in value
                if kind is str
                else kind is bytes or (kind is float and not math.isfinite(value))
            ):
                break
        else:
            return Row(self.table.name, found[0], dict(zip(self.table.columns, found[1:], strict=True)))
        remarks: list[str] = []
        values = {
            column: _cleaned(column, value, remarks)
            for column, value in zip(self.table.columns, found[1:], strict=True)
        }
        return Row(self.table.name, found[0], values, tuple(remarks))

    def _next_rowid(self, last: int | None) -> int | None:
        """The number of the row after `last`; None when its page cannot be read."""
        name = self.table.rowid
        beyond = "" if last is None else f"WHERE {name} > ?"
        statement = select([name], self.table.name, f"{beyond} ORDER BY {name} LIMIT 1")
        try:
            found = self._connection.some(statement, () if last is None else (last,))
        except sqlite3.DatabaseError:
            return None
        return found[0][0] if found and (last is None or found[0][0] > last) else None

    def _careful(self, rowid: int) -> Row:
        """A row, value by value: what cannot be read is null."""
        remarks: list[str] = []
        values = {column: self._value(column, rowid, remarks) for column in self.table.columns}
        return Row(self.table.name, rowid, values, tuple(remarks))

    def _value(self, column: str, rowid: int, remarks: list[str]) -> Value:
        where = f"WHERE {self.table.rowid} = ?"
        for wanted in (quoted(column), f"CAST({quoted(column)} AS BLOB)"):
            try:
                found = self._connection.some(select([wanted], self.table.name, where), (rowid,))
                return _cleaned(column, found[0][0] if found else None, remarks)
            except sqlite3.OperationalError:
                continue  # Text that is no UTF-8: read as bytes.
            except sqlite3.DatabaseError as error:
                limit = self._connection.limits.text_bytes
                fault = f"has more than {limit} bytes" if is_too_long(error) else "is damaged"
                remarks.append(f"{column} {fault}: left out")
                return None
        remarks.append(f"{column} cannot be read: left out")
        return None

    def _beyond_damage(self, last: int | None) -> Iterator[Row]:
        """The rows at the table's end that can be read, in their order."""
        name = self.table.rowid
        beyond = "" if last is None else f"WHERE {name} > ?"
        statement = select([name], self.table.name, f"{beyond} ORDER BY {name} DESC")
        rowids = array("q")
        try:
            for (rowid,) in self._connection.rows(statement, () if last is None else (last,)):
                if rowids and rowid >= rowids[-1]:
                    break
                rowids.append(rowid)
        except sqlite3.DatabaseError:
            pass
        begin = "from its beginning" if last is None else f"after row {last}"
        end = f"before row {rowids[-1]}" if rowids else "to its end"
        self._remarks.append(f"{self.table.name} is damaged {begin}: what was between that and {end} is lost")
        yield from map(self.row, reversed(rowids))


def _cleaned(column: str, value: object, remarks: list[str]) -> Value:
    """A value that every text column and JSON can hold."""
    if isinstance(value, bytes):
        value, remark = _decoded(value)
        remarks.append(f"{column} {remark}")
    if isinstance(value, str) and "\0" in value:
        value = value.replace("\0", "\N{REPLACEMENT CHARACTER}")
        remarks.append(f"{column} has characters 0: replaced")
    if isinstance(value, float) and not math.isfinite(value):
        remarks.append(f"{column} is {value}: left out")
        return None
    return value if isinstance(value, int | float | str) else None


def _decoded(value: bytes) -> tuple[str, str]:
    try:
        return value.decode(), "is stored as bytes: taken as text"
    except UnicodeDecodeError:
        return value.decode(errors="replace"), "is no valid UTF-8: bytes at fault are replaced"
