"""Repeats within a batch, and a name, a note and tags of batches."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    run_script(op.get_context(), "0017_repeats")
