"""The launcher of an execution, and its handle."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0028"
down_revision = "0025"


def upgrade() -> None:
    run_script(op.get_context(), "0028_launchers")
