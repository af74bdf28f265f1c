"""A file that our own code or the database stumbles over costs only itself, and is recorded as a failure.

What concerns every file, such as a database that is away, is raised: the caller tries again later.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from runner_bridge.ingest_failures import display
from runner_bridge.sessions.reports import FileReport, ImportOutcome
from store.errors import StoreError

OF_EVERY_FILE = (StoreError, OSError)

Take = Callable[[Sequence[str]], Awaitable[dict[str, FileReport]]]

log = logging.getLogger(__name__)


async def take_isolated(names: Sequence[str], take: Take) -> dict[str, FileReport]:
    """What `take` reports of these files, by name; where it fails, each is taken by itself."""
    try:
        return await take(names)
    except OF_EVERY_FILE:
        raise
    except Exception as error:
        if len(names) == 1:
            return {
                names[0]: FileReport(display(names[0]), ImportOutcome.FAILED, reason=failed(names[0], error))
            }
    reports: dict[str, FileReport] = {}
    for name in names:
        reports |= await take_isolated([name], take)
    return reports


def failed(name: str, error: Exception) -> str:
    """Logs an error that nobody foresaw while it is handled; the reason to record."""
    log.exception("%s cannot be stored", display(name))
    return f"storing it failed here: {type(error).__name__}"
