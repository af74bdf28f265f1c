"""How large a document may be; operations/limits.py measures it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """The most that a document may have. `fields` counts fragments too; `cost` is that of schema/costs.py."""

    tokens: int = 5000
    depth: int = 20
    fields: int = 1000
    root_fields: int = 20
    aliases: int = 100
    directives: int = 50
    cost: int = 10_000
