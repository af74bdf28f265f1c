"""Conflicts and failures of files that other runners left."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_script(op.get_context(), "0003_observing")
