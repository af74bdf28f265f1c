"""What resolvers may reach: one frozen object, built in one place per request or socket; no globals."""

from __future__ import annotations

from dataclasses import dataclass

import strawberry

from runner_bridge.launchers.runner_config import RunnerConfig
from schema.contract.permissions import LOCAL, Principal
from schema.loading.loaders import Loaders
from store.live.hub import Hub
from store.postgres.database import Database


@dataclass(frozen=True)
class Context:
    """The store, the live hub, what is set about runners, a loader per relation, and who asks."""

    db: Database
    hub: Hub
    runner: RunnerConfig
    loaders: Loaders
    principal: Principal = LOCAL
    shares: bool = False
    """Whether who executes takes feeds from the resolvers of subscriptions, to read each once for all."""

    @classmethod
    def build(cls, db: Database, hub: Hub, runner: RunnerConfig, principal: Principal = LOCAL) -> Context:
        return cls(db, hub, runner, Loaders(db), principal)


Info = strawberry.Info[Context, None]
