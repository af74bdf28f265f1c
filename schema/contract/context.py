"""What resolvers may use: one frozen object, built in one place per request or websocket; no globals."""

from dataclasses import dataclass, field
from typing import Self

import strawberry

from runner_bridge.benchmarks.definitions import Definitions
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.moving_in.imports import ReevImports
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
    imports: ReevImports = field(default_factory=ReevImports)
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
        imports: ReevImports | None = None,
    ) -> Self:
        """`definitions` and `imports` are shared by all requests: what is parsed and imported is kept there."""
        loaders = Loaders(db, definitions)
        return cls(db, hub, runner, definitions, loaders, principal, imports or ReevImports())


Info = strawberry.Info[Context, None]
