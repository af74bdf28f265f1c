"""`reev-gql schema`: the contracts as text, printed from the code, for people and for CI."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from gql_server.cli.errors import CliError, ExitCode
from schema.printed import PRINTED_CONTRACT, sdl
from store.embedded import EmbeddedServer
from store.postgres.migrate import migrate
from store.postgres.printed_schema import PRINTED_SCHEMA, schema_sql


def print_or_keep(*, write: bool, check: bool) -> int:
    """Prints the GraphQL contract, or writes or compares both printed files; the exit code."""
    contract = sdl()
    if not write and not check:
        print(contract, end="")
        return 0
    printed = {PRINTED_CONTRACT: contract, PRINTED_SCHEMA: _database_schema()}
    if write:
        for path, text in printed.items():
            try:
                path.write_text(text, encoding="utf-8")
            except OSError as error:
                raise CliError(
                    f"{path} cannot be written: {error.strerror}. `--write` is for a checkout; "
                    "`reev-gql schema > FILE` prints the contract",
                    ExitCode.SERVER_FAILED,
                ) from error
        return 0
    stale = [path for path, text in printed.items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        print(f"{path.parent.name}/{path.name} differs from the code: run `make schema`", file=sys.stderr)
    return 1 if stale else 0


def _database_schema() -> str:
    """Migrates an empty database on a server of its own and dumps it."""
    with tempfile.TemporaryDirectory(prefix="reev-gql-") as directory:
        server = EmbeddedServer(Path(directory))
        try:
            asyncio.run(migrate(server.url))
            return schema_sql(server.url, server.bin_dir)
        finally:
            server.stop()
