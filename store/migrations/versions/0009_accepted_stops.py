"""A stop that was accepted ends as STOPPED: the database refuses any other end."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_script(op.get_context(), "0009_accepted_stops")
