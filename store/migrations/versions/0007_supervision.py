"""Progress, start-up times, reasons of stops, processes that could not be ended."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_script(op.get_context(), "0007_supervision")
