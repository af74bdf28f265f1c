"""The launchers of one worker: the one that starts its runners, and all that find the runners of others."""

from __future__ import annotations

from runner_bridge.launchers.launcher import Launcher
from runner_bridge.launchers.local_launcher import LocalLauncher
from runner_bridge.launchers.ray.ray_launcher import RayLauncher
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.processes.process_table import ProcessTable


class Launchers:
    """`chosen` starts runners. A runner is found and ended by the launcher that started it."""

    def __init__(self, config: RunnerConfig) -> None:
        self.local = LocalLauncher(config, ProcessTable())
        self.chosen: Launcher = self.local if config.ray is None else RayLauncher(config, config.ray)
        self._by_name: dict[str, Launcher] = {self.local.name: self.local, self.chosen.name: self.chosen}

    @property
    def names(self) -> list[str]:
        """Those whose runners this worker can find."""
        return list(self._by_name)

    @property
    def engines(self) -> list[str]:
        """Those of them whose runners are found from every machine."""
        return [name for name in self._by_name if name != self.local.name]

    def of(self, name: str | None) -> Launcher:
        """The launcher of an execution; only a process can live whose launch is not stored."""
        return self.local if name is None else self._by_name[name]

    async def close(self) -> None:
        """Ends what they keep running for themselves."""
        for launcher in self._by_name.values():
            await launcher.close()
