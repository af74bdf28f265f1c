"""Tokens of the API: who may come in, and how far.

Only the SHA-256 of a token is here. A token is 256 random bits, so nobody can go back from the hash to it, and
it is told once, to who creates it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from store import sql
from store.errors import DatabaseNotWritable
from store.postgres.database import Database

SQL = sql.load("tokens")

PREFIX = "reevgql_"
"""By which scanners of repositories and logs find a token that was left lying about."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Scope(IntEnum):
    """What a token is good for; each includes the ones before it."""

    READ = 1
    """See everything there is to see."""
    RUN = 2
    """Start and stop executions."""
    ADMIN = 3
    """Change benchmarks and agents, import files."""


@dataclass(frozen=True, slots=True)
class Token:
    """One row; what it is the token of is not known here."""

    id: uuid.UUID
    name: str
    scope: Scope
    created_at: dt.datetime
    last_used_at: dt.datetime | None
    revoked_at: dt.datetime | None


def new_secret() -> str:
    """A token that nobody has."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str) -> bytes:
    """What of a token is stored."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


async def create(db: Database, name: str, scope: Scope, secret: str) -> Token | None:
    """Stores `secret` under `name`; None when a valid token has that name."""
    row = await db.fetchrow(SQL["create"], name, digest_of(secret), scope.name)
    return None if row is None else _token(row)


async def use(db: Database, digest: bytes) -> Token | None:
    """The valid token with this hash, and notes that it was used; None when there is none."""
    try:
        row = await db.fetchrow(SQL["use"], digest)
    except DatabaseNotWritable:
        # Whoever may read can read on while nothing can be written.
        row = await db.fetchrow(SQL["find"], digest)
    return None if row is None else _token(row)


async def revoke(db: Database, name: str) -> Token | None:
    """The token that was valid until now; None when none of that name was."""
    row = await db.fetchrow(SQL["revoke"], name)
    return None if row is None else _token(row)


async def list_all(db: Database) -> list[Token]:
    """Valid ones first, by name."""
    return [_token(row) for row in await db.fetch(SQL["list"])]


async def valid(db: Database, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of `ids` that are neither revoked nor gone."""
    return {row["id"] for row in await db.fetch(SQL["valid"], list(ids))}


def _token(row: Any) -> Token:
    return Token(
        id=row["id"],
        name=row["name"],
        scope=Scope[row["scope"]],
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
