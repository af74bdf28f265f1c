"""`reev-gql doctor`: checks everything that an installation needs, with advice for each problem.

It works with the server up or down and with the database up or down, and changes nothing. Each part gives
findings; a part that fails itself is a finding as well.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator

from gql_server.doctor import cluster, database, machine
from gql_server.doctor.findings import Finding, Level, warning
from gql_server.settings.loading import unknown_variables
from gql_server.settings.settings import Settings

__all__ = ["Finding", "Level", "examine"]


def _all_of(check: Callable[[Settings], Iterator[Finding]], settings: Settings) -> list[Finding]:
    return list(check(settings))


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Every finding, as soon as it is made."""
    yield Finding(Level.OK, "settings", "can be used")
    for name, meant in unknown_variables(os.environ).items():
        advice = f"Set {meant}" if meant else "docs/settings.md lists the settings"
        yield warning("settings", f"{name} is no setting, and has no effect", f"{advice}, or unset it")
    for check in (*machine.CHECKS, cluster.cluster):
        try:
            findings = await asyncio.to_thread(_all_of, check, settings)
        except Exception as error:
            findings = [Finding(Level.PROBLEM, check.__name__, f"the check itself failed: {error!r}")]
        for finding in findings:
            yield finding
    async for finding in database.examine(settings):
        yield finding
