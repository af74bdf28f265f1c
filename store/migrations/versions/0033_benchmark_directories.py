"""Which benchmarks directory brought a file, so that another one archives nothing of it."""

from __future__ import annotations

from alembic import op

from store.migrations.scripts import run_script

revision = "0033"
down_revision = "0031"


def upgrade() -> None:
    run_script(op.get_context(), "0033_benchmark_directories")
