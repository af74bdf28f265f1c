"""Runs a revision's plain SQL, several statements at once: through asyncpg online, as text with `--sql`."""

from __future__ import annotations

from importlib import resources
from typing import Any

from alembic.runtime.migration import MigrationContext


def run_script(context: MigrationContext, name: str) -> None:
    """Runs `store/migrations/sql/{name}.sql` inside the migration's transaction."""
    script = resources.files("store.migrations").joinpath(f"sql/{name}.sql").read_text(encoding="utf-8")
    if context.as_sql:
        context.impl.static_output(script)
        return
    connection = context.connection
    if connection is None:
        raise RuntimeError("a migration needs a connection or --sql")
    # asyncpg prepares what SQLAlchemy sends it, and a prepared statement is one statement; the driver's own
    # execute takes a whole script and stays in the transaction that the advisory lock has already opened.
    adapted: Any = connection.connection.dbapi_connection
    adapted.run_async(lambda driver: driver.execute(script))
