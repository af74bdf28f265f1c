"""The benchmark definitions in a reev database, and which revision of ours each of them is.

reev names a definition by a hash of its prompt. A changed prompt left the old row in place, so the rows of one
benchmark are its revisions.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections import OrderedDict
from dataclasses import dataclass, field, replace

from runner_bridge.formats.benchmarks.benchmark import Benchmark, parse_benchmark
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.ids import is_id, normalise_benchmark_id
from runner_bridge.formats_to_rows import benchmark_draft
from runner_bridge.moving_in.values import text_of, time_of
from runner_bridge.reev_database.rows import Row
from store.model import BenchmarkDraft, BenchmarkId
from store.postgres.text import EncodedJson, encode_json
from store.records import record

MAX_DEFINITIONS = 20_000
MAX_SOURCE_CHARACTERS = 64 * 1024 * 1024
"""Of all definitions together that are kept in memory."""
PARSED = 64
"""Definitions that are kept parsed."""

_MD5 = re.compile(r"[0-9a-f]{32}")


@record
class FoundDefinition:
    """A row of `benchmarks`: its key, what it defines, or why it cannot be used."""

    key: str
    name: BenchmarkId | None
    prompt: str | None
    source: str | None
    content_hash: str | None
    created_at: dt.datetime | None
    problem: str | None = None
    draft: BenchmarkDraft | None = None

    def refused(self, problem: str) -> FoundDefinition:
        """The same without its definition."""
        return FoundDefinition(self.key, self.name, self.prompt, None, None, self.created_at, problem)


def definition_of(row: Row) -> FoundDefinition:
    """The definition in a row of `benchmarks`."""
    key = text_of(row.values.get("id")) or ""
    prompt, source = text_of(row.values.get("prompt")), text_of(row.values.get("content"))
    created_at = time_of(row.values.get("created_at"))
    told = normalise_benchmark_id(text_of(row.values.get("benchmark_name")) or "")[0]
    name = BenchmarkId(told) if is_id(told) else None
    if source is None:
        return FoundDefinition(key, name, prompt, None, None, created_at, "it has no definition")
    try:
        parsed = parse_benchmark(source.encode("utf-8", "surrogatepass"), "content")
    except FormatError as error:
        return FoundDefinition(key, name, prompt, None, None, created_at, str(error))
    if name is not None and parsed.id != name:
        problem = f"its name is {name}, but its definition is of {parsed.id}"
        return FoundDefinition(key, name, prompt, None, None, created_at, problem)
    draft = benchmark_draft(parsed)
    draft = replace(
        draft,
        definition=EncodedJson(encode_json(draft.definition)),
        remarks=EncodedJson(encode_json(draft.remarks)),
    )
    return FoundDefinition(
        key,
        BenchmarkId(parsed.id),
        prompt or parsed.prompt,
        source,
        parsed.content_hash,
        created_at,
        draft=draft,
    )


@record
class KnownDefinition:
    """A definition of the database: its benchmark, and the revision that it is here; None when it is none."""

    name: BenchmarkId
    revision: int | None
    content_hash: str | None


@dataclass(slots=True)
class Definitions:
    """The definitions of a database, found by their keys and by their prompts."""

    by_key: dict[str, KnownDefinition] = field(default_factory=dict)
    by_prompt: dict[tuple[str, bytes], KnownDefinition] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    """By their hashes."""
    size: int = 0
    parsed: OrderedDict[str, Benchmark | None] = field(default_factory=OrderedDict)

    def add(self, found: FoundDefinition, revision: int | None) -> None:
        """Remembers a definition that was stored as this revision, or not at all."""
        if found.name is None:
            return
        known = KnownDefinition(found.name, revision, found.content_hash)
        if found.key:
            self.by_key[found.key.lower()] = known
        if found.prompt is not None:
            self.by_prompt[found.name, _hashed(found.prompt)] = known
        if found.source is None or found.content_hash is None or found.content_hash in self.sources:
            return
        if self.size + len(found.source) <= MAX_SOURCE_CHARACTERS:
            self.sources[found.content_hash] = found.source
            self.size += len(found.source)

    def named(self, key: str | None) -> KnownDefinition | None:
        """The definition with this key."""
        return None if key is None else self.by_key.get(key.strip().lower())

    def asked(self, name: str, prompt: str | None) -> KnownDefinition | None:
        """The definition of this benchmark with this prompt."""
        return None if prompt is None else self.by_prompt.get((name, _hashed(prompt)))

    def benchmark(self, known: KnownDefinition) -> Benchmark | None:
        """What it says, for scoring; None when it is not at hand."""
        key = known.content_hash
        if key is None or key not in self.sources:
            return None
        if key not in self.parsed:
            try:
                self.parsed[key] = parse_benchmark(
                    self.sources[key].encode("utf-8", "surrogatepass"), "content"
                )
            except FormatError:
                self.parsed[key] = None
            if len(self.parsed) > PARSED:
                self.parsed.popitem(last=False)
        self.parsed.move_to_end(key)
        return self.parsed[key]


def is_key(text: str) -> bool:
    """Whether a text is a key of a definition, not a benchmark's name."""
    return _MD5.fullmatch(text.lower()) is not None


def _hashed(prompt: str) -> bytes:
    return hashlib.sha256(prompt.strip().encode("utf-8", "surrogatepass")).digest()
