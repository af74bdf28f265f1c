"""Workers, whose an execution is, and priorities."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_script(op.get_context(), "0005_workers")
