"""Options that commands share."""

import os
from collections.abc import Coroutine
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from gql_server.cli.errors import wrong_use

DEFAULT_SERVER = f"http://127.0.0.1:{os.environ.get('REEV_GQL_PORT') or 3001}/graphql"
"""A server of this machine, with the port that it reads from the same variable."""

INT_LIMIT = 2**31 - 1
"""GraphQL has no larger integer: an option beyond it would be refused in words of GraphQL."""


def _endpoint(url: str) -> str:
    """An address without a path is that of the server; its endpoint is then the usual one."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise wrong_use(
            f"{url[:200]!r} is no address of a server: correct --server, REEV_GQL_URL or REEV_GQL_PORT"
        )
    return f"{url.rstrip('/')}/graphql" if parts.path in ("", "/") else url


_ABOUT_SERVER = {
    "envvar": "REEV_GQL_URL",
    "help": "The server's GraphQL endpoint; without it the port is that of REEV_GQL_PORT.",
    "callback": _endpoint,
}
Server = Annotated[str, typer.Option("--server", **_ABOUT_SERVER)]
ServerOrUrl = Annotated[str, typer.Option("--server", "--url", **_ABOUT_SERVER)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object per line, for scripts.")]


Execution = Annotated[str, typer.Argument(help="Id of the execution, or of its session.")]


def finish(command: Coroutine[Any, Any, int]) -> None:
    """Runs a command to its end, and ends with its exit code."""
    import asyncio
    import gc

    gc.enable()
    raise typer.Exit(asyncio.run(command))
