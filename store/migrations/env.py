"""Alembic's entry: hands the connection of store.postgres.migrate to the revisions, or prints SQL with `--sql`."""

from __future__ import annotations

from alembic import context

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", literal_binds=True)
else:
    context.configure(connection=context.config.attributes["connection"])

with context.begin_transaction():
    context.run_migrations()
