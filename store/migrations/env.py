"""Alembic's entry point: runs the revisions on the connection of store.postgres.migrate, or prints SQL."""

from __future__ import annotations

from alembic import context

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", literal_binds=True)
else:
    context.configure(connection=context.config.attributes["connection"])

with context.begin_transaction():
    context.run_migrations()
