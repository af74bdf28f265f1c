"""Where session files are parsed: in a thread of this process when they are few, else in parser processes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from runner_bridge.benchmarks.definitions import StoredText
from runner_bridge.formats.paths import Directory
from runner_bridge.parsing.parser_processes import ParserLost, ParserProcesses
from runner_bridge.sessions.chunks import ChunkParser, Judged, NamedFile, NewSession
from runner_bridge.sessions.reports import FileReport
from store.benchmarks import benchmarks
from store.executions.observed import Known
from store.model import BenchmarkId, ExecutionId
from store.postgres.database import Database
from store.records import record

log = logging.getLogger(__name__)


@record
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
    """Parses files of one directory by `parser`, or in `processes` where they are given."""

    def __init__(
        self,
        db: Database,
        directory: Directory,
        parser: ChunkParser,
        processes: ParserProcesses | None = None,
    ) -> None:
        self._definitions = StoredDefinitions(db)
        self._directory = directory
        self._parser = parser
        self._processes = processes

    @property
    def at_once(self) -> int:
        """How many chunks to parse at the same time, while another is stored."""
        return 1 if self._processes is None else self._processes.count + 1

    async def parse(self, files: Sequence[NamedFile], known: Mapping[ExecutionId, Known]) -> Parsed:
        """The first of the files, as many as may be in memory together."""
        parser = self._parser
        if self._processes is not None:
            try:
                return await self._parse_there(self._processes, files, known)
            except ParserLost as error:
                log.warning("a parser process was lost (%s); its files are parsed here", error)
            # Several chunks may be parsed here at the same time.
            parser = ChunkParser()
        items = await asyncio.to_thread(parser.read, self._directory, files, known)
        judged = await asyncio.to_thread(parser.judge, await self._definitions.of(items))
        return Parsed(items, judged, files[len(items) :])

    async def _parse_there(
        self, processes: ParserProcesses, files: Sequence[NamedFile], known: Mapping[ExecutionId, Known]
    ) -> Parsed:
        async with processes.lease() as process:
            items = await process.call_on(ChunkParser, ChunkParser.read, self._directory, files, known)
            texts = await self._definitions.of(items)
            judged = await process.call_on(ChunkParser, ChunkParser.judge, texts)
        return Parsed(items, judged, files[len(items) :])
