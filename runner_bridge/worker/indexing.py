"""Keeps the full-text index and the figures of ended executions up to date; the worker that leads does."""

from __future__ import annotations

import asyncio
import logging

from runner_bridge.waiting import wait_for_any
from store.agents.adding_up import add_up
from store.errors import StoreError
from store.executions import search
from store.live.worker_feed import WorkerFeed
from store.postgres.database import Database

POLL_S = 5.0
"""Transcripts that are stored after the end are no change of status."""

PAUSE_S = 0.2
"""Between two passes: leaves the database to other work, and takes what ends meanwhile together."""

log = logging.getLogger(__name__)


async def keep_indexing(db: Database, feed: WorkerFeed, leaving: asyncio.Event) -> None:
    """Adds up and indexes what is due, whenever something has ended, until `leaving`.

    Errors are logged and tried again. Whoever reads figures adds up what is noted too: here it is done so that
    this is never much.
    """
    while not leaving.is_set():
        ended = feed.queue.ended.next
        try:
            if feed.latest.leads:
                await add_up(db)
            while feed.latest.leads and not leaving.is_set() and await search.index_due(db):
                await wait_for_any(leaving, timeout_s=PAUSE_S)
        except StoreError as error:
            log.warning("ended executions cannot be added up and indexed just now: %s", error)
        except Exception:
            # Whatever it was: without this loop no later execution would be found.
            log.exception("adding up and indexing ended executions failed and is tried again")
        await wait_for_any(ended, leaving, timeout_s=POLL_S)
        await wait_for_any(leaving, timeout_s=PAUSE_S)
