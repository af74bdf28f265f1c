"""What resolvers may use: one frozen object, built in one place per request or websocket; no globals."""

from __future__ import annotations

from dataclasses import dataclass

import strawberry

from runner_bridge.benchmarks.definitions import Definitions
from runner_bridge.launchers.runner_config import RunnerConfig
from schema.contract.permissions import LOCAL, Principal
from schema.loading.loaders import Loaders
from store.live.hub import Hub
from store.postgres.database import Database


@dataclass(frozen=True)
class Context:
    """The store, the live hub, settings of runners, parsed definitions, a loader per relation, and the caller."""

    db: Database
    hub: Hub
    runner: RunnerConfig
    definitions: Definitions
    loaders: Loaders
    principal: Principal = LOCAL
    shares: bool = False
    """Whether the engine takes feeds from the resolvers of subscriptions, to execute each once for all."""

    @classmethod
    def build(
        cls,
        db: Database,
        hub: Hub,
        runner: RunnerConfig,
        definitions: Definitions,
        principal: Principal = LOCAL,
    ) -> Context:
        """`definitions` is shared by all requests: a parsed definition is kept there."""
        return cls(db, hub, runner, definitions, Loaders(db, definitions), principal)


Info = strawberry.Info[Context, None]
