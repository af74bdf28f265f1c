"""Parses the texts of benchmark files, and prepares them for the store.

Parser processes import this module. It imports no more than it needs, because that adds to their start-up time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runner_bridge.formats.benchmarks.benchmark import Remark, parse_benchmark
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats_to_rows import benchmark_draft
from store.model import BenchmarkDraft, StoredFile
from store.postgres.text import EncodedJson, encode_json
from store.records import record

Batch = Sequence[tuple[str, bytes]]
"""Files to parse: names and contents."""


@record
class BenchmarkFile:
    """A file that was read: a benchmark for the store, one that is stored already, or the error in it."""

    file: str
    draft: BenchmarkDraft | None = None
    stored: StoredFile | None = None
    remarks: tuple[Remark, ...] = ()
    error: FormatError | None = None

    @property
    def benchmark_id(self) -> str | None:
        if self.draft is not None:
            return self.draft.id
        return None if self.stored is None else self.stored.benchmark_id


def parse_files(batch: Batch) -> list[BenchmarkFile]:
    """Parses each of these files. JSON is encoded here: keeping the trees of thousands of files is slow."""
    return [_parse(name, data) for name, data in batch]


def _parse(name: str, data: bytes) -> BenchmarkFile:
    try:
        benchmark = parse_benchmark(data, name)
    except FormatError as error:
        return BenchmarkFile(name, error=error)
    draft = benchmark_draft(benchmark, name)
    draft = replace(
        draft,
        definition=EncodedJson(encode_json(draft.definition)),
        remarks=EncodedJson(encode_json(draft.remarks)),
    )
    return BenchmarkFile(name, draft, remarks=tuple(benchmark.remarks))
