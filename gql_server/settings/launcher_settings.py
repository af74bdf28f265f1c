"""The settings about where runners run, a part of Settings."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field
from pydantic_settings import BaseSettings

from runner_bridge.launchers.ray_settings import RaySettings


class LauncherSettings(BaseSettings):
    """What can be set about launchers."""

    launcher: Literal["local", "ray"] = Field(
        "local",
        description="Where runners run: `local` beside their worker, `ray` on the nodes of a Ray cluster",
    )
    ray_address: str = Field(
        "auto",
        description="Address of the Ray cluster, as `ray.init` takes it: `HOST:6379`, `ray://HOST:10001`",
    )
    ray_resources: dict[str, dict[str, float]] = Field(
        {},
        description="What Ray reserves for a runner, as JSON by agent, with `*` for all others: "
        '`{"*": {"num_cpus": 1}, "local": {"num_gpus": 1}}`; without it one CPU',
    )
    ray_runtime_env: dict[str, Any] = Field(
        {}, description="What Ray prepares for runners on a node, as JSON of its `runtime_env`"
    )
    ray_spares: int = Field(
        1,
        ge=0,
        le=64,
        description="For how many runners each worker keeps room and a process ready on the Ray cluster, "
        "so that they start at once; 0 where nodes are added on demand",
    )
    ray_unreachable_after_s: float = Field(
        300,
        ge=5,
        le=86_400,
        description="Seconds without an answer from the Ray cluster after which its runners are lost",
    )

    @property
    def ray(self) -> RaySettings | None:
        """The cluster where runners are started; None: beside their worker."""
        if self.launcher == "local":
            return None
        return RaySettings(
            self.ray_address,
            resources=self.ray_resources,
            runtime_env=self.ray_runtime_env,
            spares=self.ray_spares,
            unreachable_after_s=self.ray_unreachable_after_s,
        )
