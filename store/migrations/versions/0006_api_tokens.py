"""Tokens for the API: named, hashed, with a scope."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_script(op.get_context(), "0006_api_tokens")
