"""Settings about a Ray cluster that runs the runners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from store.model import JsonValue
from store.records import record

EVERY_AGENT = "*"

DEFAULT_RESOURCES: Mapping[str, float] = {"num_cpus": 1.0}
"""What a runner is given where nothing is set: Ray keeps processes ready for as many as a node has cores."""

OWN_NAMES = ("num_cpus", "num_gpus", "memory")
"""Resources with a name of their own in Ray; every other one is a custom resource."""


@record
class RaySettings:
    """`address` as `ray.init` takes it; `resources` by agent, with EVERY_AGENT for those that are not named."""

    address: str = "auto"
    namespace: str = "reev-gql"
    resources: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    runtime_env: Mapping[str, JsonValue] = field(default_factory=dict)
    """What Ray prepares on a node before a runner is started there."""
    spares: int = 0
    """How many actors each worker keeps ready for the next runners."""
    unreachable_after_s: float = 300.0
    """How long a cluster may be away before its runners count as lost."""

    def options(self, agent: str) -> dict[str, JsonValue]:
        """The options of Ray for a runner of this agent."""
        wanted = self.resources.get(agent) or self.resources.get(EVERY_AGENT) or DEFAULT_RESOURCES
        own: dict[str, JsonValue] = {name: wanted[name] for name in OWN_NAMES if name in wanted}
        custom = {name: amount for name, amount in wanted.items() if name not in OWN_NAMES}
        environment = {"runtime_env": dict(self.runtime_env)} if self.runtime_env else {}
        return {"num_cpus": 0, **own, "resources": custom, **environment}
