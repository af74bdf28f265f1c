"""The manifests of deploy/kubernetes, as `kubectl apply -k` sends them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from tests.helpers.places import REPOSITORY

DIRECTORY = REPOSITORY / "deploy" / "kubernetes"

Resource = dict[str, Any]

KUSTOMIZATION: Resource = yaml.safe_load((DIRECTORY / "kustomization.yaml").read_text(encoding="utf-8"))
FILES: list[str] = KUSTOMIZATION["resources"]


def resources() -> list[Resource]:
    """All of them, in the order of the kustomization."""
    return [
        resource
        for name in FILES
        for resource in yaml.safe_load_all((DIRECTORY / name).read_text(encoding="utf-8"))
    ]


def named(kind: str, name: str) -> Resource:
    """The one resource of this kind and name."""
    [found] = [one for one in of_kind(kind) if one["metadata"]["name"] == name]
    return found


def of_kind(*kinds: str) -> Iterator[Resource]:
    """The resources of these kinds."""
    return (one for one in resources() if one["kind"] in kinds)


def pods() -> dict[str, Resource]:
    """The template of the pods of each Deployment and Job, by its name."""
    return {one["metadata"]["name"]: one["spec"]["template"] for one in of_kind("Deployment", "Job")}


def container_of(pod: Resource) -> Resource:
    """The one container of a pod."""
    [container] = pod["spec"]["containers"]
    found: Resource = container
    return found


def variables_of(container: Resource, secrets: dict[str, str]) -> dict[str, str]:
    """The environment that a container gets; the Secret `reev-gql` holds `secrets`."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        if "configMapRef" in source:
            found |= named("ConfigMap", source["configMapRef"]["name"])["data"]
        else:
            assert source["secretRef"]["optional"], "the only Secret that must be there is reev-gql"
    for variable in container.get("env", ()):
        key = variable["valueFrom"]["secretKeyRef"]
        assert key["name"] == "reev-gql"
        found[variable["name"]] = secrets[key["key"]]
    return found
