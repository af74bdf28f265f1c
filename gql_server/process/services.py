"""The services that server and worker share: a migrated database, its connection pool and the event hub."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from gql_server.settings.settings import DEDICATED_CONNECTIONS, Settings
from runner_bridge.benchmarks.definitions import Definitions
from runner_bridge.counters import Counters
from runner_bridge.log_context import fields
from runner_bridge.moving_in.imports import ReevImports
from store.live.hub import Hub
from store.postgres.database import Database
from store.postgres.migrate import migrate

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Services:
    """Open while a server or a worker runs."""

    db: Database
    hub: Hub
    counters: Counters = field(default_factory=Counters)
    """The counters of the worker of this process; zeros where it has none."""
    definitions: Definitions = field(default_factory=Definitions)
    """Parsed definitions, shared by all requests."""
    imports: ReevImports = field(default_factory=ReevImports)
    """Imports of reev databases that this process carries out."""


@asynccontextmanager
async def open_services(settings: Settings, url: str, *, serves: bool = True) -> AsyncIterator[Services]:
    """The database at `url` at its newest schema, pool and hub, closed in reverse.

    A process that does not serve has a small pool, and a hub that reads nothing.
    """
    async with AsyncExitStack() as stack:
        applied = await migrate(url)
        if applied:
            log.info("migrated", extra=fields(revisions=applied))
        pool = settings.pool_size - DEDICATED_CONNECTIONS if serves else settings.worker_pool_size
        db = await Database.open(url, max_size=pool)
        stack.push_async_callback(db.close)
        hub = Hub(db)
        stack.push_async_callback(hub.close)
        if serves:
            await hub.open()
        services = Services(db, hub)
        stack.push_async_callback(services.imports.close)
        yield services
