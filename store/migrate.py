"""Brings a database to the newest schema, once, whoever starts first, and refuses one that is newer than us.

Alembic runs the revisions of store/migrations under an advisory lock: of several processes that start at once
one migrates and the others find the work done. When nothing is to do, Alembic is not even imported.
"""

from __future__ import annotations

import io
from importlib import resources
from typing import TYPE_CHECKING

import asyncpg

from store.database import (
    CONNECT_TIMEOUT_S,
    UNAVAILABLE,
    open_connection,
    server_settings,
    unavailable,
)
from store.errors import SchemaOutdated, SchemaTooNew

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.engine import Connection

MIGRATION_LOCK = 0x7265_6576_6771_6C00
"""Key of the advisory lock ("reevgql"): of 8 parallel starts without it, 7 would fail."""


def known_revisions() -> list[str]:
    """The revisions this program knows, oldest first, from the names of their files."""
    versions = resources.files("store.migrations").joinpath("versions")
    names = (entry.name for entry in versions.iterdir())
    return sorted(name.split("_")[0] for name in names if name[0].isdigit() and name.endswith(".py"))


async def applied_revision(url: str) -> str | None:
    """The database's revision, None before the first migration."""
    connection = await open_connection(url, "reev-gql migrate")
    try:
        found = await connection.fetchval("SELECT version_num FROM alembic_version")
        return None if found is None else str(found)
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()


async def check(url: str) -> str:
    """The database's revision if it is the newest; raises SchemaOutdated or SchemaTooNew otherwise."""
    applied, known = await applied_revision(url), known_revisions()
    _refuse_newer(applied, known)
    if applied != known[-1]:
        raise SchemaOutdated(
            f"The database is at schema {applied or 'none'}, this program needs {known[-1]}: "
            "run `reev-gql migrate`"
        )
    return known[-1]


async def migrate(url: str) -> list[str]:
    """Applies what is missing and returns it, oldest first; an empty list when the database was current."""
    applied, known = await applied_revision(url), known_revisions()
    _refuse_newer(applied, known)
    if applied == known[-1]:
        return []
    try:
        before = await _upgrade(url)
    except UNAVAILABLE as error:
        raise unavailable(url, error) from error
    return known if before is None else known[known.index(before) + 1 :]


def offline_sql() -> str:
    """The whole schema as SQL, for those who apply it by hand."""
    from alembic import command

    buffer = io.StringIO()
    command.upgrade(_config(buffer), "head", sql=True)
    return buffer.getvalue()


def _refuse_newer(applied: str | None, known: list[str]) -> None:
    if applied is not None and applied not in known:
        raise SchemaTooNew(
            f"The database has schema {applied}, newer than this program's {known[-1]}: update reev-gql, "
            "or use another database"
        )


def _config(buffer: io.StringIO | None = None) -> Config:
    from alembic.config import Config

    config = Config(output_buffer=buffer) if buffer is not None else Config()
    config.set_main_option("script_location", str(resources.files("store.migrations")))
    config.set_main_option("path_separator", "os")
    return config


async def _upgrade(url: str) -> str | None:
    """Runs Alembic under the lock; returns the revision found there, which another start may have moved."""
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    async def connect() -> object:
        return await asyncpg.connect(
            url, timeout=CONNECT_TIMEOUT_S, server_settings=server_settings("reev-gql migrate")
        )

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_upgrade_locked)
    finally:
        await engine.dispose()


def _upgrade_locked(connection: Connection) -> str | None:
    from alembic import command
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import text

    with connection.begin():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        before = MigrationContext.configure(connection).get_current_revision()
        # A newer program may have migrated while this one waited for the lock.
        _refuse_newer(before, known_revisions())
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return before
