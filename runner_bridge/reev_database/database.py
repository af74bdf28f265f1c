"""Opens reev's database and hands out what it holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from runner_bridge.formats.paths import Directory
from runner_bridge.reev_database.connection import Connection, connect
from runner_bridge.reev_database.errors import DEFAULT_LIMITS, Limits, Reason, ReevDatabaseError
from runner_bridge.reev_database.groups import merge
from runner_bridge.reev_database.private_copy import PrivateCopy, copy_database
from runner_bridge.reev_database.rows import Row, TableReader
from runner_bridge.reev_database.tables import TABLES, find_tables, select


class ReevDatabase:
    """A private copy of one database. Any thread may read it, but only one at a time.

    `path` names the original, `sha256` is of the copy: of the bytes of the file, then of its `-wal` file.
    `tables` has reev's tables and the columns that they have in this file. `remarks` says what is not read,
    or not as it stands; it grows while rows are read.
    """

    def __init__(self, path: Path, copy: PrivateCopy, connection: Connection) -> None:
        self.path = path
        self.sha256 = copy.sha256
        self.remarks = copy.remarks
        self._connection = connection
        tables = find_tables(connection, self.remarks)
        if not tables:
            raise ReevDatabaseError(
                Reason.NOT_OF_REEV,
                f"{path} has none of reev's tables ({', '.join(TABLES[:3])}, …): reev's history is usually "
                "db/reev_results.db",
            )
        self._readers = {name: TableReader(connection, table, self.remarks) for name, table in tables.items()}
        self.tables: Mapping[str, tuple[str, ...]] = {name: table.columns for name, table in tables.items()}

    def count(self, table: str) -> int:
        """How many rows a table has; of a damaged one, how many can be read."""
        try:
            return int(
                self._connection.some(select([f"count({self._readers[table].table.rowid})"], table))[0][0]
            )
        except sqlite3.DatabaseError:
            remarks = len(self.remarks)
            number = sum(1 for _ in self.rows(table))
            del self.remarks[remarks:]
            return number

    def rows(self, table: str) -> Iterator[Row]:
        """The rows of a table in the order in which they were written."""
        return self._readers[table].rows()

    def grouped(self, keys: Mapping[str, str]) -> Iterator[tuple[str, list[Row]]]:
        """The rows of several tables, one group for each text that the named column of each table has.

        `keys` names the column of each table; tables that the file does not have are passed over. Groups come
        in the order of their texts, rows in the order of `keys` and then of their numbers. A row without a
        text is a group of its own, under "".
        """
        for table, column in keys.items():
            if table in self.tables and column not in self.tables[table]:
                raise KeyError(f"{table} has no column {column}")
        return merge(self._connection, self._readers, keys, self.remarks)


@contextmanager
def open_reev_database(
    path: Path, scratch: Path, limits: Limits = DEFAULT_LIMITS, *, within: Directory | None = None
) -> Iterator[ReevDatabase]:
    """Copies the database at `path` into a new directory below `scratch`, opens the copy, and removes it in
    the end.

    With `within`, the file's directory as a client may name it, no link below its root is followed. Raises
    ReevDatabaseError.
    """
    with TemporaryDirectory(prefix="reev-", dir=scratch) as private:
        directory, name = (within, path.name) if within else _resolved(path)
        copy = copy_database(directory, name, Path(private) / "copy.db", limits)
        try:
            with connect(copy.path, limits) as connection:
                yield ReevDatabase(path, copy, connection)
        except sqlite3.Error as error:
            raise ReevDatabaseError(
                Reason.DAMAGED, f"{path} cannot be read as a database: {error}. Is it a whole copy?"
            ) from error


def _resolved(path: Path) -> tuple[Directory, str]:
    """The directory and the name of the file itself: the log is beside it."""
    try:
        real = path.expanduser().resolve(strict=True)
    except FileNotFoundError:
        raise ReevDatabaseError(Reason.NOT_FOUND, f"There is no file {path}") from None
    except (OSError, RuntimeError, ValueError) as error:
        raise ReevDatabaseError(Reason.UNREADABLE, f"{path} cannot be read: {error}") from None
    beside_link, beside_file = Path(f"{path}-wal"), Path(f"{real}-wal")
    if path.is_symlink() and beside_link.exists() and not beside_file.exists():
        raise ReevDatabaseError(
            Reason.UNREADABLE,
            f"{path} is a link, and its log {beside_link.name} is beside the link instead of the file: copy both "
            "into one directory and import that copy",
        )
    return Directory(real.parent), real.name
