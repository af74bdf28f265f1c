"""An index by which workers are found that no execution refers to."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_script(op.get_context(), "0008_forgotten_workers")
