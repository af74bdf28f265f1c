"""Batches, agent performance, agent configurations, output in the database, changes of benchmarks."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_script(op.get_context(), "0002_whole_api")
