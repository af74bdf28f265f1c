"""The settings that an execution's model was asked with."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    run_script(op.get_context(), "0019_settings_hash")
