"""The lists: what each asks the server, page by page, and prints. Every coroutine returns the exit code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from gql_server.cli import graphql_client
from gql_server.cli.views import tables
from gql_server.cli.views.json_lines import emit
from gql_server.cli.views.live_view import new_console
from gql_server.documents import cli_documents

Data = dict[str, Any]

LARGEST_PAGE = 200
"""What the API gives at once."""


@dataclass(frozen=True)
class Page:
    """Which part of a list: `first` None for all of it, after a cursor or from the start."""

    first: int | None
    after: str | None


async def list_executions(url: str, filter: Data, order: Data, page: Page, *, as_json: bool) -> int:
    variables = {"filter": filter, "orderBy": order}
    pages = _pages(url, cli_documents.EXECUTIONS, "executions", variables, page)
    return await _print(pages, "executions", bool(filter), as_json=as_json)


async def list_benchmarks(url: str, filter: Data, page: Page, *, as_json: bool) -> int:
    pages = _pages(url, cli_documents.BENCHMARKS, "benchmarks", {"filter": filter}, page)
    return await _print(pages, "benchmarks", any(filter.values()), as_json=as_json)


async def _pages(
    url: str, document: str, field: str, variables: Data, page: Page
) -> AsyncIterator[tuple[Sequence[Data], str | None]]:
    """Rows, and the cursor to go on after them where there are more."""
    left, after = page.first, page.after
    while True:
        first = LARGEST_PAGE if left is None else min(left, LARGEST_PAGE)
        asked = {**variables, "first": first, "after": after}
        found = (await graphql_client.ask(url, document, asked))[field]
        info = found["pageInfo"]
        after = info["endCursor"] if info["hasNextPage"] else None
        yield found["nodes"], after
        left = None if left is None else left - first
        if after is None or left == 0:
            return


async def _print(
    pages: AsyncIterator[tuple[Sequence[Data], str | None]], what: str, filtered: bool, *, as_json: bool
) -> int:
    console, count, rest = new_console(), 0, None
    async for rows, cursor in pages:
        count, rest = count + len(rows), cursor
        if as_json:
            for row in rows:
                emit(row)
        elif rows:
            tables.print_rows(console, what, rows)
    if not count and not as_json:
        console.print(f"There are no {'such ' if filtered else ''}{what}{'.' if filtered else ' yet.'}")
    if rest is not None:
        # Apart from the rows, which a script reads.
        more = f"There are more: --all lists them, --after {rest} the next"
        new_console(stderr=True).print(Text(more, style="dim"), soft_wrap=True)
    return 0
