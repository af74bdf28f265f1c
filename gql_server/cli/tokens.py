"""`reev-gql token`: makes, lists and revokes tokens of the API, in the database itself.

A token is printed once, when it is made; the database has only its digest.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.text import Text

from gql_server.cli.errors import CliError, wrong_use
from gql_server.cli.views.json_lines import emit
from gql_server.cli.views.live_view import new_console
from gql_server.cli.views.rows import Rows
from gql_server.cli.views.texts import UNKNOWN, printable
from gql_server.process.startup import database_server
from gql_server.settings.settings import Settings
from store import api_tokens
from store.api_tokens import NAME, Scope, Token
from store.postgres.database import Database
from store.postgres.migrate import check


async def create(settings: Settings, name: str, scope: str, *, as_json: bool) -> None:
    """Prints the new token."""
    if NAME.fullmatch(name) is None:
        raise wrong_use("a name has letters, digits, `_`, `.` and `-`, 64 at most")
    secret = api_tokens.new_secret()
    async with _database(settings) as db:
        token = await api_tokens.create(db, name, Scope[scope.upper()], secret)
    if token is None:
        raise CliError(f"there is a valid token named {name}; revoke it first")
    if as_json:
        emit({"name": token.name, "scope": scope, "token": secret})
    else:
        print(secret)


async def list_(settings: Settings, *, as_json: bool) -> None:
    """Prints every token with its dates, without the secrets."""
    async with _database(settings) as db:
        found = await api_tokens.list_all(db)
    if as_json:
        for token in found:
            emit(_record(token))
        return
    table = Rows("name", "scope", "created", "last used", "revoked")
    for token in found:
        style = "dim" if token.revoked_at else ""
        table.add_row(*(Text(str(value or UNKNOWN), style=style) for value in _record(token).values()))
    new_console().print(table if found else "There are no tokens yet.")


async def revoke(settings: Settings, name: str) -> None:
    """Revokes the token; every server refuses it within seconds."""
    async with _database(settings) as db:
        if await api_tokens.revoke(db, name) is None:
            valid = [token.name for token in await api_tokens.list_all(db) if token.revoked_at is None]
            named = ", ".join(valid) or "none"
            raise wrong_use(f"there is no valid token named {printable(name)[:80]!r}; there are {named}")
    print(f"{name} is revoked")


def _record(token: Token) -> dict[str, str | None]:
    return {
        "name": token.name,
        "scope": token.scope.name.lower(),
        "createdAt": _time(token.created_at),
        "lastUsedAt": _time(token.last_used_at),
        "revokedAt": _time(token.revoked_at),
    }


def _time(value: dt.datetime | None) -> str | None:
    return None if value is None else value.astimezone(dt.UTC).isoformat(timespec="seconds")


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    async with database_server(settings) as url:
        await check(url)
        db = await Database.open(url, max_size=2)
        try:
            yield db
        finally:
            await db.close()
