"""Limits of documents, which documents/size_limits.py and cost_limit.py check, and of memory used for clients."""

from __future__ import annotations

from store.records import record


@record
class DocumentLimits:
    """The most that a document may have. `fields` counts fragments too; `cost`: schema/contract/costs.py."""

    tokens: int = 5000
    depth: int = 20
    fields: int = 1000
    root_fields: int = 20
    aliases: int = 100
    directives: int = 50
    cost: int = 10_000


MB = 1024 * 1024


@record
class MemoryLimits:
    """In bytes: cached documents, those of subscriptions with their variables, and one answer."""

    documents: int = 32 * MB
    subscriptions: int = 64 * MB
    answer: int = 16 * MB

    @property
    def subscriptions_per_client(self) -> int:
        return self.subscriptions // 4
