"""The queue is the executions that wait; PgQueuer's tables go."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    run_script(op.get_context(), "0012_one_queue")
