"""The pods of deploy/kubernetes as processes, with their commands, variables, user and volumes.

The installed program stands for the image. Its root file system is read-only, and it is probed
as the kubelet does it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.conftest import NO_MOUNT
from tests.helpers.manifests import Resource, container_of, pods, variables_of
from tests.helpers.patience import eventually
from tests.helpers.proxy import proxied_database
from tests.helpers.server import free_port
from tests.installation.installation import Installation
from tests.installation.steps import public_python, run

pytestmark = pytest.mark.timeout(300)

TOKEN = "canary-token-0123456789"
SERVICE = "reev-gql"
"""How another pod names the server."""

START = r"""
app=$1 user=$2; shift 2
mount --bind "$app" "$app"
for volume in $VOLUMES; do mount -t tmpfs -o mode=0777 tmpfs "$app/$volume"; done
mount -o remount,bind,ro "$app"
mount -o remount,bind,ro /
cd "$app"
exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"""
"""Makes a root file system as a pod has it, and becomes a program in it."""

RUN = """
mutation {
  runBenchmark(input: {benchmarkId: "001-sol-transfer"}) { ... on RunBenchmarkSuccess { execution { id } } }
}
"""

ASK = "query ($id: ID!) { execution(id: $id) { status computedScore trace log { text } } }"


@dataclass
class Node:
    """Where pods run, in place of the ports that the manifests name."""

    installation: Installation
    app: Path
    database_url: str
    ports: dict[int, int]
    log: Path

    def pod(self, name: str) -> Resource:
        """Its manifest with our ports."""
        text = yaml.safe_dump(pods()[name])
        for port, ours in self.ports.items():
            text = text.replace(str(port), str(ours))
        found: Resource = yaml.safe_load(text)
        return found

    def variables(self, pod: Resource) -> dict[str, str]:
        secrets = {
            "DATABASE_URL": self.database_url,
            "REEV_GQL_TOKEN": TOKEN,
            "REEV_GQL_SECRET_KEY": "k" * 40,
        }
        found = variables_of(container_of(pod), secrets)
        ports = {str(port): str(ours) for port, ours in self.ports.items()}
        return {name: ports.get(value, value) for name, value in found.items()}

    async def start(self, name: str, *command: str) -> Process:
        """What a pod of this name executes, or this command in it."""
        pod = self.pod(name)
        container = container_of(pod)
        inside = [mount["mountPath"] for mount in container.get("volumeMounts", ())]
        image = {"PATH": f"{self.installation.bin}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/"}
        # In the image /tmp is a volume; here the program itself is below it.
        volumes = " ".join(path.removeprefix("/app/").removeprefix("/") for path in inside)
        environment = {**image, **self.variables(pod), "VOLUMES": volumes, "TMPDIR": str(self.app / "tmp")}
        user = str(pod["spec"]["securityContext"]["runAsUser"])
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *("unshare", "--mount", "--propagation", "private", "sh", "-ec", START, "pod"),
                *(str(self.app), user, *(command or ("reev-gql", *container["args"]))),
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @asynccontextmanager
    async def running(self, name: str) -> AsyncIterator[Process]:
        """A pod until it is deleted."""
        process = await self.start(name)
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def probes(self, name: str, which: str, client: aiohttp.ClientSession) -> bool:
        """What the kubelet finds."""
        pod = self.pod(name)
        container = container_of(pod)
        probe = container[which]
        if "exec" in probe:
            return await (await self.start(name, *probe["exec"]["command"])).wait() == 0
        asks = probe["httpGet"]
        [port] = [port["containerPort"] for port in container["ports"] if port["name"] == asks["port"]]
        headers = {"Host": f"10.1.2.3:{port}"} | {one["name"]: one["value"] for one in asks["httpHeaders"]}
        try:
            async with client.get(f"http://127.0.0.1:{port}{asks['path']}", headers=headers) as answer:
                return 200 <= answer.status < 400
        except aiohttp.ClientConnectionError:
            return False


@pytest.fixture
def app(installation: Installation, tmp_path: Path) -> Iterator[Path]:
    """The image's /app, which every user can read."""
    allowed = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or public_python() is None or shutil.which("setpriv") is None:
        pytest.skip(NO_MOUNT)
    if subprocess.run(allowed, capture_output=True).returncode != 0:
        pytest.skip(NO_MOUNT)
    directory = installation.root / "app"
    for folder in ("logs", "tmp"):
        (directory / folder).mkdir(parents=True)
    run([str(installation.bin / "reev-gql"), "init"], directory)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
async def node(
    installation: Installation, app: Path, empty_database_url: str, tmp_path: Path
) -> AsyncIterator[Node]:
    async with proxied_database(empty_database_url) as (_, url):
        ports = {3001: free_port(), 9464: free_port()}
        yield Node(installation, app, url, ports, tmp_path / "pods.log")


async def test_a_migration_a_server_and_a_worker_serve_an_execution_on_a_read_only_file_system(
    node: Node,
) -> None:
    assert await (await node.start("reev-gql-migration")).wait() == 0, node.log.read_text()
    assert "Applied 0001" in node.log.read_text()
    async with (
        aiohttp.ClientSession() as client,
        node.running("reev-gql-server"),
        node.running("reev-gql-worker"),
    ):
        for pod, probe in (
            ("reev-gql-server", "startupProbe"),
            ("reev-gql-server", "livenessProbe"),
            ("reev-gql-server", "readinessProbe"),
            ("reev-gql-worker", "startupProbe"),
            ("reev-gql-worker", "livenessProbe"),
        ):
            await eventually(partial(node.probes, pod, probe, client))

        async def ask(document: str, **variables: str) -> Any:
            async with client.post(
                f"http://127.0.0.1:{node.ports[3001]}/graphql",
                headers={
                    "Host": f"{SERVICE}:{node.ports[3001]}",
                    "Authorization": f"Bearer {TOKEN}",
                },
                json={"query": document, "variables": variables},
            ) as answer:
                body = await answer.json(content_type=None)
            assert "errors" not in body, body
            return body["data"]

        execution_id = (await ask(RUN))["runBenchmark"]["execution"]["id"]

        async def ended() -> Any:
            execution = (await ask(ASK, id=execution_id))["execution"]
            return execution if execution["status"] not in ("QUEUED", "RUNNING") else None

        execution = await eventually(ended)
        assert (execution["status"], execution["computedScore"]) == ("SUCCEEDED", 1.0), execution
        assert execution["log"]["text"] and execution["trace"], "the server has none of the worker's files"
    log = node.log.read_text()
    assert "Read-only file system" not in log and "Permission denied" not in log, log
