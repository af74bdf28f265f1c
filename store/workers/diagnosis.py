"""Facts about the database's server and the queue, for `reev-gql doctor`."""

from __future__ import annotations

from dataclasses import fields
from typing import TypeVar

from store import sql
from store.postgres.database import Database, Row
from store.records import record

SQL = sql.load("diagnosis")


@record
class ServerFacts:
    """About the PostgreSQL server. `now_s` is its clock, in seconds since 1970."""

    version: str
    version_number: int
    now_s: float
    connections: int
    max_connections: int
    notification_queue: float
    """How full the queue of notifications is, from 0 to 1."""


@record
class QueueFacts:
    """How many executions wait, and for how long the oldest has."""

    queued: int
    oldest_s: float


async def server(db: Database) -> ServerFacts:
    """Reads no table of ours."""
    return _read(ServerFacts, await db.fetchrow(SQL["server"]))


async def queue(db: Database) -> QueueFacts:
    """Reads executions that wait only."""
    return _read(QueueFacts, await db.fetchrow(SQL["queue"]))


F = TypeVar("F", ServerFacts, QueueFacts)


def _read(kind: type[F], row: Row) -> F:
    return kind(**{field.name: row[field.name] for field in fields(kind)})
