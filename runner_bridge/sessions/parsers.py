"""Where session files are parsed: in a thread of this process when they are few, else in parser processes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner_bridge.benchmarks.definitions import Definitions, StoredText, Unreadable
from runner_bridge.formats.paths import Directory
from runner_bridge.parsing.parser_processes import ParserLost, ParserProcesses
from runner_bridge.sessions.chunks import ChunkParser, Judged, NamedFile, NewSession, judge, read_chunk
from runner_bridge.sessions.preparing import Definition
from runner_bridge.sessions.reports import FileReport
from store.benchmarks import benchmarks
from store.executions.observed import Known
from store.model import BenchmarkId, ExecutionId
from store.postgres.database import Database

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The parsed first of some files; `rest` are the others, which would not fit into memory together."""

    items: Sequence[NewSession | FileReport]
    judged: Judged
    rest: Sequence[NamedFile]


class StoredDefinitions:
    """The current definitions of benchmarks as texts. Each is read once and kept for the length of an import."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[BenchmarkId, tuple[int, StoredText]] = {}
        self._asked_for: set[BenchmarkId] = set()

    async def of(self, items: Sequence[NewSession | FileReport]) -> dict[BenchmarkId, tuple[int, StoredText]]:
        """Revision and text of each stored benchmark that these sessions name."""
        wanted = {item.benchmark_id for item in items if isinstance(item, NewSession)}
        if new := sorted(wanted - self._asked_for):
            for benchmark_id, one in (await benchmarks.get_many(self._db, new)).items():
                self._known[benchmark_id] = (one.revision, StoredText(one.content_hash, one.source))
            self._asked_for.update(new)
        return {benchmark_id: self._known[benchmark_id] for benchmark_id in wanted & self._known.keys()}


class Parsers:
    """Parses files of one directory here, or in `processes` where they are given."""

    def __init__(self, db: Database, directory: Directory, processes: ParserProcesses | None = None) -> None:
        self._definitions = StoredDefinitions(db)
        self._read = Definitions()
        self._directory = directory
        self._processes = processes
        self._unreadable: set[BenchmarkId] = set()

    @property
    def at_once(self) -> int:
        """How many chunks to parse at the same time, while another is stored."""
        return 1 if self._processes is None else self._processes.count + 1

    async def parse(self, files: Sequence[NamedFile], known: Mapping[ExecutionId, Known]) -> Parsed:
        """The first of the files, as many as may be in memory together."""
        if self._processes is not None:
            try:
                return await self._parse_there(self._processes, files, known)
            except ParserLost as error:
                log.warning("a parser process was lost (%s); its files are parsed here", error)
        chunk = await asyncio.to_thread(read_chunk, self._directory, files, known)
        definitions = await self._parsed(await self._definitions.of(chunk.items))
        judged = await asyncio.to_thread(judge, chunk.contents, definitions) if chunk.contents else Judged()
        return Parsed(chunk.items, judged, files[len(chunk.items) :])

    async def _parse_there(
        self, processes: ParserProcesses, files: Sequence[NamedFile], known: Mapping[ExecutionId, Known]
    ) -> Parsed:
        async with processes.lease() as process:
            items = await process.call_on(ChunkParser, ChunkParser.read, self._directory, files, known)
            texts = await self._definitions.of(items)
            judged = await process.call_on(ChunkParser, ChunkParser.judge, texts)
        return Parsed(items, judged, files[len(items) :])

    async def _parsed(
        self, texts: Mapping[BenchmarkId, tuple[int, StoredText]]
    ) -> dict[BenchmarkId, Definition]:
        definitions: dict[BenchmarkId, Definition] = {}
        found = await self._read.of([text for _, text in texts.values()])
        for benchmark_id, (revision, text) in texts.items():
            definition = found[text]
            if not isinstance(definition, Unreadable):
                definitions[benchmark_id] = (revision, definition)
            elif benchmark_id not in self._unreadable:
                self._unreadable.add(benchmark_id)
                log.error("the stored definition of %s cannot be read: %s", benchmark_id, definition.why)
        return definitions
