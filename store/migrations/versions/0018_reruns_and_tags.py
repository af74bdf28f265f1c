"""Reruns of batches, tags of executions, and indexes of what a model cost."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    run_script(op.get_context(), "0018_reruns_and_tags")
