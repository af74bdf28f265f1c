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
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: make ray"
)

ADDRESS = "127.0.0.1"

START_S = 120
"""A node starts in 4 s on a quiet machine."""


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
            *("--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false"),
            f"--temp-dir={self.directory}",
        )

    def kill_head(self) -> None:
        for process in self._processes():
            if process.name() in ("gcs_server", "raylet"):
                process.kill()

    def logs(self) -> Iterator[Path]:
        """What the cluster wrote."""
        return (path for path in self.directory.rglob("*") if path.is_file() and not path.is_symlink())

    def _start(self, *arguments: str) -> None:
        command = [str(Path(sys.executable).with_name("ray")), "start", *arguments]
        subprocess.run(
            [*command, f"--node-ip-address={ADDRESS}", "--disable-usage-stats"],
            check=True,
            timeout=START_S,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
        )

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
        for process in self._processes():
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
