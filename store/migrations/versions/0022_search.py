"""Full-text search over failure messages and conversations."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    run_script(op.get_context(), "0022_search")
