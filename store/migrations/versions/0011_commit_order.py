"""Events are ordered by their commits, not by transaction ids."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run_script(op.get_context(), "0011_commit_order")
