"""Channels for workers: the queue, and stops."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0026"
down_revision = "0024"


def upgrade() -> None:
    run_script(op.get_context(), "0026_worker_channels")
