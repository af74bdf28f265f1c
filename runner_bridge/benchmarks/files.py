"""Reads the benchmark files of a directory, each by itself.

A file whose name and content hash are stored already is not parsed. The others are parsed, in parser processes
when there is much of them.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from runner_bridge.benchmarks.parsing import Batch, BenchmarkFile, parse_files
from runner_bridge.errors import BenchmarksDirectoryError
from runner_bridge.formats.benchmarks.remarks import Remark, remarks_on_name
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.files import DirectoryReader
from runner_bridge.formats.paths import Directory
from runner_bridge.formats_to_rows import remark
from runner_bridge.parsing.parser_processes import ParserLost, ParserProcesses
from store.model import StoredFile
from store.postgres.text import storable_text

SUFFIXES = (".yml", ".yaml")
MAX_FILES = 20_000
MAX_FILE_BYTES = 1024 * 1024
"""A benchmark has some kilobytes; a directory beyond these limits is not one of benchmarks."""

PROCESSES_FROM_BYTES = 2 * 1024 * 1024
"""So much text takes longer to parse than processes take to start."""

BATCH_BYTES = 128 * 1024
"""Of text that a process gets at once: about 20 ms of parsing."""

log = logging.getLogger(__name__)


async def read_benchmark_files(directory: Path, stored: Mapping[str, StoredFile]) -> list[BenchmarkFile]:
    """Every file of the directory, in order of name; those that `stored` has by name and hash are not parsed.

    Raises BenchmarksDirectoryError.
    """
    names = await asyncio.to_thread(_names, directory)
    reading = _Reading(directory, names, stored)
    first = await asyncio.to_thread(reading.batch, PROCESSES_FROM_BYTES)
    if reading.is_done:
        parsed = await asyncio.to_thread(parse_files, first)
    else:
        parsed = await _parse_in_processes(first, reading)
    return sorted([*reading.found, *parsed], key=lambda item: item.file)


class _Reading:
    """Goes through the directory's files: `found` has those that need no parsing, `batch` gives the others."""

    def __init__(self, directory: Path, names: Sequence[str], stored: Mapping[str, StoredFile]) -> None:
        self.found: list[BenchmarkFile] = []
        self.is_done = False
        self._directory = directory
        self._names = iter(names)
        self._stored = stored

    def batch(self, size: int) -> Batch:
        """The next files to parse, of `size` bytes or somewhat more; no more follow when `is_done` is set."""
        batch: list[tuple[str, bytes]] = []
        taken = 0
        with DirectoryReader(Directory(self._directory)) as reader:
            for name in self._names:
                if (data := self._read(reader, name)) is not None:
                    batch.append((name, data))
                    taken += len(data)
                    if taken >= size:
                        return batch
        self.is_done = True
        return batch

    def _read(self, reader: DirectoryReader, name: str) -> bytes | None:
        """The content of a file that must be parsed."""
        try:
            data = reader.read(name, MAX_FILE_BYTES)
        except FileNotFoundError:
            # It was removed meanwhile.
            return None
        except FormatError as error:
            self.found.append(BenchmarkFile(name, error=error))
            return None
        stored = self._stored.get(storable_text(name))
        if stored is None or stored.content_hash != hashlib.sha256(data).hexdigest():
            return data
        self.found.append(BenchmarkFile(name, stored=stored, remarks=_remarks(stored, name)))
        return None


async def _parse_in_processes(first: Batch, reading: _Reading) -> list[BenchmarkFile]:
    parsed: list[BenchmarkFile] = []
    async with ParserProcesses() as processes, asyncio.TaskGroup() as group:
        # Bounds what is read before a process is free to parse it.
        ahead = asyncio.Semaphore(2 * processes.count)

        async def parse(batch: Batch) -> None:
            try:
                parsed.extend(await _parse_in_one(processes, batch))
            finally:
                ahead.release()

        for batch in _split(first):
            await ahead.acquire()
            group.create_task(parse(batch))
        while not reading.is_done:
            await ahead.acquire()
            group.create_task(parse(await asyncio.to_thread(reading.batch, BATCH_BYTES)))
    return parsed


async def _parse_in_one(processes: ParserProcesses, batch: Batch) -> list[BenchmarkFile]:
    try:
        async with processes.lease() as process:
            return await process.call(parse_files, batch)
    except ParserLost as error:
        log.warning("a parser process was lost (%s); its files are parsed here", error)
        return await asyncio.to_thread(parse_files, batch)


def _split(batch: Batch) -> Iterator[Batch]:
    begin = size = 0
    for end, (_, data) in enumerate(batch, start=1):
        size += len(data)
        if size >= BATCH_BYTES or end == len(batch):
            yield batch[begin:end]
            begin, size = end, 0


def _names(directory: Path) -> list[str]:
    try:
        names = sorted(
            name for name in os.listdir(directory) if name.endswith(SUFFIXES) and os.path.splitext(name)[1]
        )
    except OSError as error:
        raise BenchmarksDirectoryError(
            f"The benchmarks directory {directory} cannot be read: {error.strerror}"
        ) from error
    if len(names) > MAX_FILES:
        raise BenchmarksDirectoryError(
            f"{directory} has {len(names)} YAML files; at most {MAX_FILES} are taken for benchmarks"
        )
    return names


def _remarks(stored: StoredFile, name: str) -> tuple[Remark, ...]:
    """The remarks that parsing would make: the stored ones on the content, and those on the present name."""
    on_name = remarks_on_name(stored.benchmark_id, name)
    if not stored.remarks:
        return on_name
    on_content = (remark(item) for item in stored.remarks)
    return (*on_name, *(item for item in on_content if item.path != "id"))
