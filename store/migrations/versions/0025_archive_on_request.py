"""Benchmarks that are archived on request, which no sync restores."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0025"
down_revision = "0023"


def upgrade() -> None:
    run_script(op.get_context(), "0025_archive_on_request")
