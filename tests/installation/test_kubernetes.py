"""The manifests of deploy/kubernetes fit Kubernetes, each other and the program; test_pods.py runs them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from gql_server.cli.commands import app
from gql_server.settings.loading import load_settings, variable_of
from gql_server.settings.settings import Settings
from runner_bridge.version import VERSION
from runner_bridge.worker.worker import LEAVE_S, SHUTDOWN_PATIENCE_S
from tests.conftest import NO_KUBECTL
from tests.helpers.manifests import (
    DIRECTORY,
    FILES,
    KUSTOMIZATION,
    Resource,
    container_of,
    named,
    of_kind,
    pods,
    resources,
    variables_of,
)
from tests.helpers.places import REPOSITORY

DOCUMENT = (REPOSITORY / "docs" / "kubernetes.md").read_text(encoding="utf-8")

VERSIONS = [f"1.{minor}" for minor in range(32, 38)]
"""The versions of Kubernetes that docs/kubernetes.md names."""

SECRETS = {
    "DATABASE_URL": "postgresql://reev:secret@postgres/reev",
    "REEV_GQL_TOKEN": "canary-token-0123456789",
    "REEV_GQL_SECRET_KEY": "canary-key-0123456789-0123456789-0123",
}

MARGIN_S = 10
"""More than a worker that has ended its runners needs to close everything else."""


def examples() -> dict[str, Resource]:
    """The manifests that docs/kubernetes.md shows, by kind."""
    blocks = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL))
    return {block["kind"]: block for block in blocks}


def built(directory: Path) -> list[Resource]:
    """What `kubectl apply -k` would send."""
    command = ["kubectl", "kustomize", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_is_valid_and_has_no_field_that_kubernetes_does_not_know(version: str) -> None:
    assert f"{VERSIONS[0]} to {VERSIONS[-1]}" in DOCUMENT
    for resource in (*resources(), examples()["Ingress"]):
        kubernetes_validate.validate(resource, version, strict=True)


def test_the_kustomization_has_every_file_and_the_image_of_this_version() -> None:
    assert sorted(FILES) == sorted(path.name for path in DIRECTORY.iterdir() if path.stem != "kustomization")
    [image] = KUSTOMIZATION["images"]
    assert image["newTag"] == VERSION
    assert {container_of(pod)["image"] for pod in pods().values()} == {image["name"]}


def key(resource: Resource) -> tuple[str, str]:
    return resource["kind"], resource["metadata"]["name"]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason=NO_KUBECTL)
def test_kubectl_builds_what_these_tests_read() -> None:
    expected = sorted(resources(), key=key)
    for resource in expected:
        if resource["kind"] != "Namespace":
            resource["metadata"]["namespace"] = KUSTOMIZATION["namespace"]
        if resource["kind"] in ("Deployment", "Job"):
            container_of(resource["spec"]["template"])["image"] += f":{VERSION}"
    assert sorted(built(DIRECTORY), key=key) == expected


@pytest.mark.skipif(shutil.which("kubectl") is None, reason=NO_KUBECTL)
def test_kubectl_builds_the_kustomization_of_the_document(tmp_path: Path) -> None:
    given = examples()["Kustomization"]
    [base] = given["resources"]
    assert base.endswith("/deploy/kubernetes")
    given["resources"] = [os.path.relpath(DIRECTORY, tmp_path.resolve())]
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(given))
    found = {key(resource): resource for resource in built(tmp_path)}
    assert found.keys() == {key(resource) for resource in resources()}
    worker = found["Deployment", "reev-gql-worker"]["spec"]
    assert worker["replicas"] == 4
    assert container_of(worker["template"])["image"] == f"registry.example.org/reev-gql:{VERSION}"
    settings = found["ConfigMap", "reev-gql-server"]["data"]
    assert settings == named("ConfigMap", "reev-gql-server")["data"] | {
        "REEV_GQL_ALLOWED_HOSTS": "reev-gql,reev-gql.reev-gql.svc,gql.example.org",
        "REEV_GQL_TRUSTED_PROXIES": "10.0.0.0/8",
    }


@pytest.mark.parametrize("name", pods())
def test_a_pod_runs_a_command_with_settings_that_are_accepted(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pod = pods()[name]
    container = container_of(pod)
    variables = variables_of(container, SECRETS)
    assert set(variables) <= {variable_of(*item) for item in Settings.model_fields.items()}
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    settings = load_settings()
    assert settings.database_url is not None
    commands = {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    }
    [command] = container["args"]
    assert command in commands
    assert pod["spec"]["enableServiceLinks"] is False, "a Service named reev-gql sets REEV_GQL_PORT"
    if command == "serve":
        assert not settings.worker and not settings.is_loopback
        assert settings.port == container["ports"][0]["containerPort"]
    else:
        assert "REEV_GQL_TOKEN" not in variables, "it answers nobody, so it needs no token"
    if command == "worker":
        assert settings.runners_on_shutdown == "finish", "runners end with their container"
        assert settings.finish_timeout_s > settings.execution_timeout_s
        needed = settings.finish_timeout_s + SHUTDOWN_PATIENCE_S + LEAVE_S + MARGIN_S
        assert pod["spec"]["terminationGracePeriodSeconds"] >= needed


@pytest.mark.parametrize("name", pods())
def test_a_pod_can_do_no_more_than_it_must(name: str) -> None:
    """What the Pod Security Standard `restricted` asks for, and more."""
    spec = pods()[name]["spec"]
    security = spec["securityContext"]
    [user] = re.findall(
        r"^USER (\d+)$", (REPOSITORY / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert security["runAsNonRoot"] is True
    assert {security["runAsUser"], security["runAsGroup"], security.get("fsGroup", int(user))} == {int(user)}
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    container = container_of(pods()[name])
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    assert "memory" in container["resources"]["limits"]
    for volume in spec.get("volumes", ()):
        assert volume["emptyDir"]["sizeLimit"], "what grows for ever takes the disk of the node"
    enforced = named("Namespace", KUSTOMIZATION["namespace"])["metadata"]["labels"]
    assert enforced == {"pod-security.kubernetes.io/enforce": "restricted"}


def selected(selector: dict[str, Any]) -> set[str]:
    """The pods that a selector of labels means."""

    def fits(labels: dict[str, str]) -> bool:
        exact = selector.get("matchLabels", {}).items() <= labels.items()
        return exact and all(
            labels[one["key"]] in one["values"] for one in selector.get("matchExpressions", ())
        )

    return {name for name, pod in pods().items() if fits(pod["metadata"]["labels"])}


def test_whatever_selects_pods_selects_those_that_it_is_for() -> None:
    everything = {"reev-gql-migration", "reev-gql-server", "reev-gql-worker"}
    for deployment in of_kind("Deployment"):
        assert selected(deployment["spec"]["selector"]) == {deployment["metadata"]["name"]}
        assert selected(named("PodDisruptionBudget", deployment["metadata"]["name"])["spec"]["selector"]) == {
            deployment["metadata"]["name"]
        }
    service = named("Service", "reev-gql")["spec"]
    assert selected({"matchLabels": service["selector"]}) == {"reev-gql-server"}
    ports = {port["name"] for port in container_of(pods()["reev-gql-server"])["ports"]}
    assert {port["targetPort"] for port in service["ports"]} == ports
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind("NetworkPolicy")}
    means = {name: selected(policy["podSelector"]) for name, policy in policies.items()}
    assert means == {
        "reev-gql": everything,
        "reev-gql-clients": {"reev-gql-server"},
        "reev-gql-web": {"reev-gql-server", "reev-gql-worker"},
    }
    assert policies["reev-gql"]["policyTypes"] == ["Ingress", "Egress"]
    assert policies["reev-gql"]["ingress"] == []
    [clients] = policies["reev-gql-clients"]["ingress"]
    assert {port["port"] for port in clients["ports"]} == ports
