"""Tokens of the API and their scopes.

Only the SHA-256 of a token is stored. A token is 256 random bits, so it cannot be found from its hash; it is shown
once, when it is created.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
import uuid
from collections.abc import Collection
from enum import IntEnum
from typing import Any

from store import sql
from store.errors import DatabaseNotWritable
from store.postgres.database import Database
from store.records import record

SQL = sql.load("tokens")

PREFIX = "reevgql_"
"""Lets scanners of repositories and logs recognise a token."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Scope(IntEnum):
    """What a token permits; each scope includes the ones before it."""

    READ = 1
    """Read everything."""
    RUN = 2
    """Start and stop executions."""
    ADMIN = 3
    """Change benchmarks and agents, import files."""


@record
class Token:
    """A stored token, without its secret."""

    id: uuid.UUID
    name: str
    scope: Scope
    created_at: dt.datetime
    last_used_at: dt.datetime | None
    revoked_at: dt.datetime | None


def new_secret() -> str:
    """A new random token."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str) -> bytes:
    """The hash that is stored instead of a token."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


async def create(db: Database, name: str, scope: Scope, secret: str) -> Token | None:
    """Stores `secret` under `name`; None when a valid token has that name."""
    row = await db.fetchrow(SQL["create"], name, digest_of(secret), scope.name)
    return None if row is None else _token(row)


async def use(db: Database, digest: bytes) -> Token | None:
    """The valid token with this hash, whose last use is recorded; None when there is none."""
    try:
        row = await db.fetchrow(SQL["use"], digest)
    except DatabaseNotWritable:
        # Reading goes on while nothing can be written.
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
