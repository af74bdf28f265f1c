"""Prints the schema with pg_dump: store/schema.sql, the result of all migrations."""

from __future__ import annotations

import subprocess
from pathlib import Path

from store.embedded.programs import environment

PRINTED_SCHEMA = Path(__file__).parents[1] / "schema.sql"

HEADER = "-- The sum of all migrations, printed by `make schema`. Do not edit: write a migration.\n\n"

_NOISE = ("--", "SET ", "SELECT pg_catalog.set_config", "\\restrict", "\\unrestrict")
"""Lines of pg_dump that are not part of the schema."""


def schema_sql(url: str, bin_dir: Path) -> str:
    """The schema of the migrated database at `url`, dumped with the pg_dump in `bin_dir`."""
    dumped = subprocess.run(
        [
            str(bin_dir / "pg_dump"),
            "--schema-only",
            "--no-owner",
            "--no-privileges",
            "--exclude-table=alembic_version",
            url,
        ],
        check=True,
        capture_output=True,
        text=True,
        env=environment(),
    ).stdout
    kept: list[str] = []
    for line in dumped.splitlines():
        if line.startswith(_NOISE) or (not line and (not kept or not kept[-1])):
            continue
        kept.append(line)
    return HEADER + "\n".join(kept).strip() + "\n"
