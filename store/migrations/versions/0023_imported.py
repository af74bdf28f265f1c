"""The origin of executions from the database of another program."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    run_script(op.get_context(), "0023_imported")
