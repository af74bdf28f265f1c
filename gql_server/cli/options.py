"""Options that commands share."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

DEFAULT_SERVER = "http://127.0.0.1:3001/graphql"


def _endpoint(url: str) -> str:
    """An address without a path is that of the server; its endpoint is then the usual one."""
    return f"{url.rstrip('/')}/graphql" if urlsplit(url).path in ("", "/") else url


_ABOUT_SERVER = {"envvar": "REEV_GQL_URL", "help": "The server's GraphQL endpoint.", "callback": _endpoint}
Server = Annotated[str, typer.Option("--server", **_ABOUT_SERVER)]
ServerOrUrl = Annotated[str, typer.Option("--server", "--url", **_ABOUT_SERVER)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object per line, for scripts.")]


def finish(command: Coroutine[Any, Any, int]) -> None:
    """Runs a command to its end, and ends with its exit code."""
    import asyncio

    raise typer.Exit(asyncio.run(command))
