"""Figures are added up before an end takes its place in the log; a worker that finishes has no capacity."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0032"
down_revision = "0033"


def upgrade() -> None:
    run_script(op.get_context(), "0032_claims")
