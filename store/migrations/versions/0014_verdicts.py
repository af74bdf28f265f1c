"""Whether an execution was solved and is an attempt of its agent, and figures over attempts."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    run_script(op.get_context(), "0014_verdicts")
