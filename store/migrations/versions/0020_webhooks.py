"""Webhooks, their deliveries, and when a batch ended."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    run_script(op.get_context(), "0020_webhooks")
