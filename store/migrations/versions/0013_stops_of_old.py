"""An execution that was LOST before accepted stops had to end as STOPPED can be changed again."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    run_script(op.get_context(), "0013_stops_of_old")
