"""Prepared documents, kept for their next use: within a number of bytes, and as long as subscriptions use them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from graphql import DocumentNode, OperationDefinitionNode, OperationType

from gql_server.compiled.lru_cache import LruCache
from gql_server.compiled.plan import DocumentFragments, Plan


@dataclass(eq=False)
class PreparedDocument:
    """A document that was parsed, measured and validated; `weight` is about how many bytes it has in memory."""

    source: str
    document: DocumentNode
    weight: int
    operations: list[Operation] = field(default_factory=list)
    used_at: float = 0.0
    subscriptions: int = 0
    """How many are open that execute it."""

    @cached_property
    def fragments(self) -> DocumentFragments:
        return DocumentFragments(self.document)


@dataclass(eq=False, slots=True)
class Operation:
    """One operation of a prepared document. Without a `plan` graphql-core executes it."""

    prepared: PreparedDocument
    node: OperationDefinitionNode
    fields: int
    """How many it has, with its fragments written out."""
    cost_bound: int | None = None
    """What it costs at most, None if that is not known."""
    plan: Plan | None = None
    is_planned: bool = False
    """Whether `cost_bound` and `plan` are known; they are found when the operation is executed first."""

    @property
    def document(self) -> DocumentNode:
        return self.prepared.document

    @property
    def kind(self) -> OperationType:
        return self.node.operation

    @property
    def name(self) -> str | None:
        return self.node.name.value if self.node.name else None


class DocumentCache:
    """By their text. At most `limit` bytes of those without subscriptions; `freed` gets the bytes evicted."""

    def __init__(
        self,
        limit: int,
        freed: Callable[[int], None] = lambda _: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._idle: LruCache[PreparedDocument] = LruCache(limit, freed, now)
        self._by_source: dict[str, PreparedDocument] = {}
        self._freed = freed

    @property
    def weight(self) -> int:
        """Of documents without subscriptions, in bytes."""
        return self._idle.weight

    def get(self, source: str) -> PreparedDocument | None:
        found = self._by_source.get(source)
        if found is not None and found in self._idle:
            self._idle.use(found)
        return found

    def add(self, document: PreparedDocument) -> None:
        """Keeps it, unless it alone is larger than the limit."""
        self._by_source[document.source] = document
        self._idle.add(document, self._forget)

    def evict_unused(self) -> None:
        self._idle.evict_unused()

    def hold(self, document: PreparedDocument) -> None:
        """A subscription begins to execute it."""
        document.subscriptions += 1
        if document in self._idle:
            self._idle.remove(document)
        # If it was evicted meanwhile, another may have been prepared from the same text.
        self._by_source.setdefault(document.source, document)

    def release(self, document: PreparedDocument) -> None:
        """A subscription has ended."""
        document.subscriptions -= 1
        if document.subscriptions:
            return
        if self._by_source.get(document.source) is document:
            self._idle.add(document, self._forget)
        else:
            self._forget(document)
            self._freed(document.weight)

    def _forget(self, document: PreparedDocument) -> None:
        if self._by_source.get(document.source) is document:
            del self._by_source[document.source]
        for operation in document.operations:
            if operation.plan is not None:
                operation.plan.close()
