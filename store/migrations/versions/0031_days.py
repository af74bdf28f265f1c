"""Tables by days for what grows with executions, so that retention drops instead of deleting."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0031"
down_revision = "0026"


def upgrade() -> None:
    run_script(op.get_context(), "0031_days")
