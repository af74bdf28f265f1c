"""Figures of attempts per agent, settings and benchmark revision, kept incrementally."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    run_script(op.get_context(), "0021_figures")
