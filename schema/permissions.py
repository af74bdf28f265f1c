"""Who asks, and what they may: scopes, and the permission classes of the fields that need one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Scope(IntEnum):
    """Each includes the ones before it."""

    READ = 1
    """See everything there is to see."""
    RUN = 2
    """Start and stop executions."""
    ADMIN = 3
    """Change benchmarks and agents, import files."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `token_id` is that of a token in the database, which may be revoked meanwhile."""

    name: str
    scope: Scope
    token_id: str | None = None


LOCAL = Principal("local", Scope.ADMIN)
"""Whoever may talk to a server that asks for no token: programs and people on its machine."""
