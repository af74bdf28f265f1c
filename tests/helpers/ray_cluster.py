"""A Ray cluster of this machine: a head, and nodes that are added and killed, all on 127.0.0.1."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.helpers.places import REPOSITORY

needs_ray = [
    pytest.mark.ray,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: make ray"),
]
"""The marks of a module whose tests start a cluster."""

ADDRESS = "127.0.0.1"

START_S = 280
"""A node starts in 4 s on a quiet machine; a test may take no more than 300."""

TRIES = 5
"""A node aborts when the processes that it starts take more than 15 s to begin, which no setting changes."""

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # A start waits as long as a busy machine needs; without these 30 or 60 s.
    "RAY_gcs_server_port_wait_time_s": f"{START_S}",
    "RAY_worker_register_timeout_seconds": f"{START_S}",
    "RAY_agent_register_timeout_ms": f"{START_S * 1000}",
    "RAY_gcs_rpc_server_connect_timeout_s": f"{START_S}",
    # A node is dead when it refuses connections, not when it is busy.
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": f"{START_S * 1000}",
    # Runners with a niceness of 15 get nothing beside tests without one.
    "RAY_worker_niceness": "0",
    # Processes that no test asked for.
    "RAY_prestart_worker_first_driver": "false",
}
"""What the cluster's processes get besides ours."""


@dataclass
class Node:
    """One node: its raylet is the process that Ray misses when the machine is gone."""

    raylet: psutil.Process

    def kill(self) -> None:
        """As the kernel does it: nothing is said to anybody."""
        self.raylet.kill()


@dataclass
class RayCluster:
    """`address` is the head's."""

    address: str
    directory: Path
    nodes: list[Node] = field(default_factory=list)

    def add_node(self, **resources: float) -> Node:
        """Adds a node with these resources, `cpus` among them."""
        cpus = resources.pop("cpus", 0)
        before = set(self._raylets())
        self._start(
            f"--address={self.address}", f"--num-cpus={cpus:g}", f"--resources={json.dumps(resources)}"
        )
        [raylet] = set(self._raylets()) - before
        node = Node(raylet)
        self.nodes.append(node)
        return node

    def start_head(self) -> None:
        port = self.address.rpartition(":")[2]
        self._start(
            *("--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false", "--no-monitor"),
            f"--temp-dir={self.directory}",
        )

    def kill_head(self) -> None:
        for process in self._processes():
            if process.name() in ("gcs_server", "raylet"):
                process.kill()

    def actors(self) -> list[psutil.Process]:
        """The processes of the actors that live now, on whatever node."""
        found = []
        for raylet in self._raylets():
            for process in raylet.children():
                with contextlib.suppress(psutil.Error):
                    if process.cmdline()[0].startswith("ray::Actor"):
                        found.append(process)
        return found

    def logs(self) -> Iterator[Path]:
        """What the cluster wrote."""
        return (path for path in self.directory.rglob("*") if path.is_file() and not path.is_symlink())

    def _start(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.helpers.ray_start", "start", *arguments]
        for _ in range(TRIES):
            before = set(self._processes())
            started = subprocess.run(
                [*command, f"--node-ip-address={ADDRESS}", "--include-log-monitor=false"],
                cwd=REPOSITORY,
                timeout=START_S,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                stdin=subprocess.DEVNULL,
                env={**ENVIRONMENT, **os.environ},
            )
            if not started.returncode:
                return
            _kill(set(self._processes()) - before)
        raise RuntimeError(f"a node of Ray did not start:\n{started.stdout}")

    def _raylets(self) -> list[psutil.Process]:
        return [process for process in self._processes() if process.name() == "raylet"]

    def _processes(self) -> list[psutil.Process]:
        """The cluster's own: each is started with its directory among its arguments."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if any(str(self.directory) in argument for argument in process.cmdline()):
                    found.append(process)
        return found

    def close(self) -> None:
        _kill(self._processes())


def _kill(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGKILL)


@contextlib.contextmanager
def cluster() -> Iterator[RayCluster]:
    """A head without room for runners; nodes are added by the test."""
    with (
        # Ray's sockets lie below it, and the path of a socket is short.
        tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as directory,
        socket.socket() as probe,
    ):
        probe.bind((ADDRESS, 0))
        port = probe.getsockname()[1]
        probe.close()
        made = RayCluster(f"{ADDRESS}:{port}", Path(directory))
        try:
            made.start_head()
            yield made
        finally:
            made.close()
