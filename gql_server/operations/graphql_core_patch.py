"""Replaces one function of graphql-core: how it waits for several fields at once.

The original cancels coroutines that have not begun and are then never awaited: Python prints a warning for each
operation that is cancelled. graphql-core executes what is not compiled, so every server needs this.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from graphql.execution import executor

from gql_server.compiled.waiting import together


async def gather_with_cancel(*awaitables: Awaitable[Any]) -> list[Any]:
    """Like graphql-core's function of this name, except when its caller is cancelled."""
    return await together(awaitables)


def replace_gather_with_cancel() -> None:
    """For all operations from now on. Calling it again changes nothing."""
    vars(executor)["gather_with_cancel"] = gather_with_cancel
