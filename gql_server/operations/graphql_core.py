"""The one thing of graphql-core that is replaced: how it waits for several fields at once.

Its own way cancels coroutines that have not begun, and those they were handed are never awaited: lines on stderr
for each operation that is given up. It executes what is not compiled, so that concerns every server.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from graphql.execution import executor

from gql_server.compiled.waiting import together


async def gather_with_cancel(*awaitables: Awaitable[Any]) -> list[Any]:
    """Like graphql-core's function of this name, but for what its caller's cancellation does."""
    return await together(awaitables)


def replace_gather_with_cancel() -> None:
    """For every execution from now on; once is enough, and twice does no harm."""
    vars(executor)["gather_with_cancel"] = gather_with_cancel
