"""Documents that are ready to be executed: the last used, within a number of bytes, and those of subscriptions."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from graphql import DocumentNode, OperationDefinitionNode, OperationType

from gql_server.compiled.kept import SMALL_SHARE, UNUSED_S
from gql_server.compiled.plan import DocumentFragments, Plan


@dataclass(eq=False)
class ReadyDocument:
    """A valid document; `weight` is about how many bytes it has in memory."""

    source: str
    document: DocumentNode
    weight: int
    operations: list[Operation] = field(default_factory=list)
    used_at: float = 0.0
    holders: int = 0
    """How many subscriptions execute it."""

    @cached_property
    def fragments(self) -> DocumentFragments:
        return DocumentFragments(self.document)


@dataclass(eq=False, slots=True)
class Operation:
    """One operation of a valid document. Without a `plan` graphql-core executes it."""

    ready: ReadyDocument
    node: OperationDefinitionNode
    fields: int
    """How many it has, with its fragments written out."""
    cost_bound: int | None = None
    """What it costs at most, None if that is not known."""
    plan: Plan | None = None
    is_planned: bool = False
    """Whether the two before are known; they are found when it is asked for first."""

    @property
    def document(self) -> DocumentNode:
        return self.ready.document

    @property
    def kind(self) -> OperationType:
        return self.node.operation

    @property
    def name(self) -> str | None:
        return self.node.name.value if self.node.name else None


class ReadyDocuments:
    """By their text. At most `most` bytes of those that no subscription holds; `freed` is told of what goes."""

    def __init__(
        self,
        most: int,
        freed: Callable[[int], None] = lambda _: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._freed, self._now = most, freed, now
        self._idle: OrderedDict[str, ReadyDocument] = OrderedDict()
        self._held: dict[str, ReadyDocument] = {}
        self.weight = 0
        """Of those that nobody holds."""

    def get(self, source: str) -> ReadyDocument | None:
        found = self._idle.get(source)
        if found is None:
            return self._held.get(source)
        self._idle.move_to_end(source)
        found.used_at = self._now()
        return found

    def add(self, document: ReadyDocument) -> None:
        """Keeps it, unless it alone is too large."""
        document.used_at = self._now()
        self._idle[document.source] = document
        self.weight += document.weight
        while self.weight > self._most:
            self._forget_oldest()

    def forget_unused(self) -> None:
        """Down to a small share, what was not used for a while."""
        while self.weight > self._most // SMALL_SHARE:
            if self._now() - next(iter(self._idle.values())).used_at < UNUSED_S:
                return
            self._forget_oldest()

    def hold(self, document: ReadyDocument) -> None:
        """A subscription begins to execute it."""
        document.holders += 1
        if self._idle.get(document.source) is document:
            del self._idle[document.source]
            self.weight -= document.weight
        if document.source not in self._idle:
            # Else it was thrown out in the meantime and made ready again.
            self._held.setdefault(document.source, document)

    def release(self, document: ReadyDocument) -> None:
        """A subscription has ended."""
        document.holders -= 1
        if document.holders:
            return
        if self._held.get(document.source) is document:
            del self._held[document.source]
            self.add(document)
        else:
            self._forget(document)

    def _forget_oldest(self) -> None:
        _, oldest = self._idle.popitem(last=False)
        self.weight -= oldest.weight
        self._forget(oldest)

    def _forget(self, document: ReadyDocument) -> None:
        for operation in document.operations:
            if operation.plan is not None:
                operation.plan.close()
        self._freed(document.weight)
