"""Brings a database to the newest schema, and refuses one that is newer than this program.

Alembic runs the revisions of store/migrations under an advisory lock: of several processes that start at once one
migrates and the others find nothing to do. Alembic is imported only when there is something to do.
"""

from __future__ import annotations

import asyncio
import functools
import io
import re
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING

import asyncpg

from store.errors import (
    DatabaseUnavailable,
    MigrationFailed,
    SchemaOutdated,
    SchemaTooNew,
    StoreError,
)
from store.postgres import requirements
from store.postgres.connector import Connector
from store.postgres.driver_errors import CONTENDED, describe_url, reason_of, typed

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.engine import Connection

MIGRATION_LOCK = 0x7265_6576_6771_6C00
"""Key of the advisory lock ("reevgql"): of 8 parallel starts without it, 7 would fail."""

LOCK_WAIT_S = 3.0
"""How long a migration waits for a table that is in use; whoever needs the table next waits for the migration."""

ATTEMPTS = 10
"""How often it tries to lock the tables while servers of the version before use them."""

PAUSE_S = 1.0


_FOLLOWS = re.compile(r'^down_revision = (?:None|"(\w+)")$', re.MULTILINE)


@functools.cache
def known_revisions() -> Sequence[str]:
    """The revisions this program knows in the order in which they are applied, which their files tell.

    Their numbers need not rise: those of changes that were made side by side do not.
    """
    following: dict[str | None, str] = {}
    for entry in resources.files("store.migrations").joinpath("versions").iterdir():
        if entry.name[0].isdigit() and entry.name.endswith(".py"):
            found = _FOLLOWS.search(entry.read_text(encoding="utf-8"))
            if found is None or found[1] in following:
                raise ValueError(f"{entry.name} does not say which revision it alone follows")
            following[found[1]] = entry.name.split("_")[0]
    known: list[str] = []
    while (revision := following.pop(known[-1] if known else None, None)) is not None:
        known.append(revision)
    if following:
        raise ValueError(f"Revisions follow none that is known: {', '.join(following.values())}")
    return tuple(known)


async def applied_revision(url: str) -> str | None:
    """The database's revision, None before the first migration. Raises DatabaseUnsuitable."""
    async with requirements.checked(Connector(url)) as (connection, facts):
        return await requirements.revision(connection, facts)


async def check(url: str) -> str:
    """The database's revision if it is the newest; raises SchemaOutdated or SchemaTooNew otherwise."""
    applied = await applied_revision(url)
    require_newest(applied)
    return str(applied)


def require_newest(applied: str | None) -> None:
    """Raises SchemaOutdated or SchemaTooNew unless `applied` is the revision of this program."""
    known = known_revisions()
    _refuse_newer(applied, known)
    if applied != known[-1]:
        raise SchemaOutdated(
            f"The database is at schema {applied or 'none'}, this program needs {known[-1]}: "
            "run `reev-gql migrate`"
        )


async def migrate(url: str) -> list[str]:
    """Applies the missing revisions and returns them, oldest first; an empty list when there was none."""
    known = known_revisions()
    async with requirements.checked(Connector(url)) as (connection, facts):
        applied = await requirements.revision(connection, facts)
        _refuse_newer(applied, known)
        if applied == known[-1]:
            return []
        requirements.may_migrate(url, facts)
    before = await _upgrade_with_retries(url)
    return list(known if before is None else known[known.index(before) + 1 :])


def offline_sql() -> str:
    """The whole schema as SQL, for those who apply it by hand."""
    from alembic import command

    buffer = io.StringIO()
    command.upgrade(_config(buffer), "head", sql=True)
    return buffer.getvalue()


def _refuse_newer(applied: str | None, known: Sequence[str]) -> None:
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


async def _upgrade_with_retries(url: str) -> str | None:
    """Tries again while others use the tables; each try that fails leaves nothing."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return await _upgrade(url)
        except StoreError:
            raise
        except Exception as error:
            cause = _driver_error(error)
            if not isinstance(cause, asyncpg.PostgresError | OSError):
                raise
            if not isinstance(cause, CONTENDED) or attempt == ATTEMPTS:
                raise _failed(url, cause) from error
        await asyncio.sleep(PAUSE_S)
    raise AssertionError("the last attempt raises")


def _driver_error(error: BaseException) -> BaseException:
    """What the driver raised, which SQLAlchemy wraps in errors of its own."""
    while type(error).__module__.startswith("sqlalchemy.") and error.__cause__ is not None:
        error = error.__cause__
    return error


def _failed(url: str, error: BaseException) -> StoreError:
    if isinstance(known := typed(url, error), DatabaseUnavailable):
        return known
    if isinstance(error, CONTENDED):
        how = "stop the servers and workers that use them, or try again"
        return MigrationFailed(f"The tables of {describe_url(url)} are in use, nothing was migrated: {how}")
    return MigrationFailed(
        f"Migrating {describe_url(url)} failed and changed nothing: {reason_of(url, error)}; "
        "reev-gql needs a database of its own"
    )


async def _upgrade(url: str) -> str | None:
    """Runs Alembic under the lock; returns the revision found there, which another start may have moved."""
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    async def open_migrating() -> object:
        return await Connector(url).connect("migrate")

    engine = create_async_engine("postgresql+asyncpg://", async_creator=open_migrating, poolclass=NullPool)
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
        connection.execute(text(f"SET LOCAL lock_timeout = '{round(LOCK_WAIT_S * 1000)}ms'"))
        before = MigrationContext.configure(connection).get_current_revision()
        # A newer program may have migrated while this one waited for the lock.
        _refuse_newer(before, known_revisions())
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return before
