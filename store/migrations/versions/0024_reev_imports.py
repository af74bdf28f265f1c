"""Imports of reev databases, known to every server."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0024"
down_revision = "0028"


def upgrade() -> None:
    run_script(op.get_context(), "0024_reev_imports")
