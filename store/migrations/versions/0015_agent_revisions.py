"""Every change of an agent's configuration is a revision, and an execution names the one that it used."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    run_script(op.get_context(), "0015_agent_revisions")
