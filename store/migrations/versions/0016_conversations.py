"""Conversations with models are stored, and what the models used."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    run_script(op.get_context(), "0016_conversations")
