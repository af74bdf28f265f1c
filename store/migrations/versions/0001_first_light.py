"""Benchmarks, executions, their events and results, and PgQueuer's queue."""

from __future__ import annotations

from alembic import op
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment

from store.migrations.scripts import run_script

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_script(op.get_context(), "0001_first_light")
    run_script(op.get_context(), script=QueryBuilderEnvironment().build_install_query())
