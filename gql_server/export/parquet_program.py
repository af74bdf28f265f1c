"""The program that makes Parquet of CSV: blocks of whole rows on its standard input, the file on standard output.

It is a process of its own because pyarrow takes memory and time that the server has not. It knows no settings, no
secrets and no database. Memory is bounded by ROW_GROUP_BYTES and the largest row.
"""

from __future__ import annotations

import io
import json
import os
import struct
import sys
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

LENGTH = struct.Struct(">I")
"""Stands before each block; 0 alone is the end, without which the file is not whole."""

ROW_GROUP_BYTES = 24 * 1024 * 1024
"""Of CSV in a row group."""

NICENESS = 10
"""The API goes first."""

TYPES = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "time": pa.timestamp("us", "UTC"),
    "JSON": pa.string(),
}
"""By store.export.columns.Kind."""


class _Output:
    """Standard output, which is a pipe, as a file that knows how much was written."""

    closed = False

    def __init__(self) -> None:
        self._written = 0

    def write(self, data: bytes) -> int:
        self._written += len(data)
        return sys.stdout.buffer.write(data)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        sys.stdout.buffer.flush()

    def close(self) -> None:
        self.flush()


def blocks(source: BinaryIO) -> Iterator[bytes]:
    """The blocks up to the end. Raises EOFError when there is none."""
    while True:
        head = source.read(LENGTH.size)
        if len(head) < LENGTH.size:
            raise EOFError("the rows end in the middle")
        (size,) = LENGTH.unpack(head)
        if not size:
            return
        yield source.read(size)


def table_of(block: bytes, schema: pa.Schema) -> pa.Table:
    """The rows of a block: an empty field is null, an empty text is quoted."""
    return pa.csv.read_csv(
        io.BytesIO(block),
        read_options=pa.csv.ReadOptions(
            use_threads=False, block_size=len(block) + 1, column_names=schema.names
        ),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )


def main(columns: list[tuple[str, str]]) -> None:
    """Writes the file; `columns` are names and kinds."""
    os.nice(NICENESS)
    pa.set_cpu_count(1)
    pa.set_memory_pool(pa.system_memory_pool())
    schema = pa.schema([(name, TYPES[kind]) for name, kind in columns])
    with pa.parquet.ParquetWriter(pa.PythonFile(_Output(), "w"), schema, compression="zstd") as writer:
        waiting, size = list[pa.Table](), 0
        for block in blocks(sys.stdin.buffer):
            waiting.append(table_of(block, schema))
            size += len(block)
            if size >= ROW_GROUP_BYTES:
                writer.write_table(pa.concat_tables(waiting))
                waiting, size = [], 0
        if waiting:
            writer.write_table(pa.concat_tables(waiting))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
