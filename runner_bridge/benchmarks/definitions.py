"""Stored definitions, parsed again for questions that the stored columns do not answer.

They are parsed on demand, in a thread, and remembered by content hash up to a limit: a revision never changes.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from runner_bridge.formats.benchmarks.benchmark import Benchmark, parse_benchmark
from runner_bridge.formats.benchmarks.reference_answer import why_no_reference_answer
from runner_bridge.formats.benchmarks.runnable import why_not_runnable
from runner_bridge.formats.errors import FormatError
from store.records import record

REMEMBERED_CHARACTERS = 8 * 1024 * 1024
"""Of source text; parsed definitions take about ten times as much memory."""


@record
class Unreadable:
    """A stored text that cannot be parsed any more (it could when it was stored), and why."""

    why: str


Definition: TypeAlias = Benchmark | Unreadable


class StoredText(NamedTuple):
    """The source of a revision, and the hash of it."""

    content_hash: str
    source: str


NOT_ASKED = "not asked yet"


@dataclass(slots=True)
class _Known:
    """A definition, the length of its text, and whether it is runnable."""

    definition: Definition
    size: int
    why_not_runnable: str | None = NOT_ASKED


def why_not_runnable_here(definition: Definition) -> str | None:
    """Why our own runner cannot execute it, in one line; None when it can."""
    if isinstance(definition, Unreadable):
        return f"its definition cannot be read: {definition.why}"
    return why_not_runnable(definition)


def why_no_reference_answer_to(definition: Definition) -> str | None:
    """Why the agent without a model cannot solve it, in one line; None when it can."""
    if isinstance(definition, Unreadable):
        return f"its definition cannot be read: {definition.why}"
    return why_no_reference_answer(definition)


class Definitions:
    """Remembers the definitions that were used last. For one event loop."""

    def __init__(self, limit: int = REMEMBERED_CHARACTERS) -> None:
        self._limit = limit
        self._size = 0
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def of(self, texts: Sequence[StoredText]) -> dict[StoredText, Definition]:
        """The definitions in these texts."""
        unread = [text for text in texts if text.content_hash not in self._known]
        # Before others are read: remembering those may forget these.
        known = {text: self._recall(text) for text in texts if text.content_hash in self._known}
        read = await asyncio.to_thread(_read_all, unread) if unread else {}
        for text, definition in read.items():
            self._remember(text, definition)
        return known | read

    def _recall(self, text: StoredText) -> Definition:
        self._known.move_to_end(text.content_hash)
        return self._known[text.content_hash].definition

    def why_not_runnable(self, content_hash: str) -> str | None:
        """Why our own runner cannot execute a definition that is remembered. Raises KeyError for another."""
        known = self._known[content_hash]
        if known.why_not_runnable is NOT_ASKED:
            known.why_not_runnable = why_not_runnable_here(known.definition)
        return known.why_not_runnable

    def _remember(self, text: StoredText, definition: Definition) -> None:
        if text.content_hash in self._known:
            return
        self._known[text.content_hash] = _Known(definition, len(text.source))
        self._size += len(text.source)
        while self._size > self._limit:
            _, forgotten = self._known.popitem(last=False)
            self._size -= forgotten.size


UNREAD = Unreadable("it was not read")
"""Stands for a definition that was not asked for."""


def _read_all(texts: Sequence[StoredText]) -> dict[StoredText, Definition]:
    return {text: read_definition(text) for text in texts}


def read_definition(text: StoredText) -> Definition:
    """The definition in a stored text; parsing takes some time."""
    try:
        return parse_benchmark(text.source.encode(), "definition")
    except FormatError as error:
        return Unreadable(str(error))
