"""Retention: what was deleted of old executions, and ends by age."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_script(op.get_context(), "0004_retention")
