"""The texts of benchmark files, parsed and made ready for the store.

What parser processes import to do this: kept to what they need, because each pays for it when it starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from runner_bridge.formats.benchmark import Remark, parse_benchmark
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats_to_rows import benchmark_draft
from store.model import BenchmarkDraft, StoredFile
from store.postgres.text import EncodedJson, encode_json

Batch = Sequence[tuple[str, bytes]]
"""Files to parse: names and contents."""


@dataclass(frozen=True, slots=True)
class BenchmarkFile:
    """A file as it was read: a benchmark for the store, one that it holds already, or why it is neither."""

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
    """What each of these files holds. JSON is encoded here: trees of thousands of files are slow to keep."""
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
