"""Stored definitions read again, for questions that the stored columns do not answer.

Only on demand, in a thread, and remembered by content hash up to a bound: a revision never changes.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from runner_bridge.formats.benchmark import Benchmark, parse_benchmark
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.reference_answer import why_no_reference_answer
from runner_bridge.formats.runnable import why_not_runnable

REMEMBERED_CHARACTERS = 8 * 1024 * 1024
"""Of source text; what is made of it takes some ten times as much."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A stored text that cannot be read any more (it could when it was stored), and why."""

    why: str


Definition: TypeAlias = Benchmark | Unreadable


class StoredText(NamedTuple):
    """The source of a revision, and the hash of it."""

    content_hash: str
    source: str


NOT_ASKED = "nobody has asked yet"


@dataclass(slots=True)
class _Known:
    """A definition, the length of its text, and what was found out about it."""

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
    """Remembers what was read last. For one event loop."""

    def __init__(self, limit: int = REMEMBERED_CHARACTERS) -> None:
        self._limit = limit
        self._size = 0
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def of(self, texts: Sequence[StoredText]) -> dict[StoredText, Definition]:
        """The definitions that these texts hold."""
        unread = [text for text in texts if text.content_hash not in self._known]
        # Before others are read: what they make of the memory may forget these.
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
"""Stands for a definition that nobody asked for."""

DEFINITIONS = Definitions()
"""This process's memory: what a text means depends on nothing else."""


def _read_all(texts: Sequence[StoredText]) -> dict[StoredText, Definition]:
    return {text: read_definition(text) for text in texts}


def read_definition(text: StoredText) -> Definition:
    """What a stored text says; takes some time."""
    try:
        return parse_benchmark(text.source.encode(), "definition")
    except FormatError as error:
        return Unreadable(str(error))
