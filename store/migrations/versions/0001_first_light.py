"""Benchmarks, executions, their events and results, and the queue, which 0012 removes."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_script(op.get_context(), "0001_first_light")
