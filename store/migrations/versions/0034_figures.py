"""An end notes what it adds to the figures; whoever reads them adds up what is noted."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0034"
down_revision = "0032"


def upgrade() -> None:
    run_script(op.get_context(), "0034_figures")
