"""What tool logs tell beside their calls, and results that turn up for observed executions that were given up."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_script(op.get_context(), "0010_tool_logs")
