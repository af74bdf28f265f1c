"""`reev-gql doctor` says what the cluster is that runners are set to run on."""

from __future__ import annotations

from typing import Any

import pytest

from gql_server.doctor.cluster import cluster
from gql_server.doctor.findings import Level
from gql_server.settings.settings import Settings
from runner_bridge.launchers.ray.engine import RayEngine, Unavailable

NODES = [
    {"host": "head", "resources": {"CPU": 0.0, "node:head": 1.0}},
    {"host": "big", "resources": {"CPU": 8.0, "GPU": 1.0, "a100": 1.0}},
    {"host": "small", "resources": {"CPU": 2.0}},
]


def told(monkeypatch: pytest.MonkeyPatch, answer: Any, **changes: Any) -> list[tuple[Level, str]]:
    async def ask(self: RayEngine, operation: str, **_: Any) -> Any:
        assert operation == "cluster"
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(RayEngine, "ask", ask)
    given = {"launcher": "ray", "ray_address": "10.0.0.5:6379", **changes}
    return [(one.level, one.message) for one in cluster(Settings.model_validate(given))]


def test_without_a_cluster_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, AssertionError("asked"), launcher="local") == []


def test_it_counts_the_nodes_that_have_what_each_agent_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {"*": {"num_cpus": 1}, "local": {"num_gpus": 1, "a100": 0.5}, "glm-4.6": {"tpu": 1}}
    answer = {"version": "2.60.0", "nodes": NODES, "free": {}}
    assert told(monkeypatch, answer, ray_resources=wanted) == [
        (Level.OK, "version 2.60.0 at 10.0.0.5:6379, 3 nodes"),
        (Level.OK, "a runner of any agent fits on 2 nodes"),
        (Level.OK, "a runner of agent local fits on 1 node"),
        (Level.WARNING, "a runner of agent glm-4.6 fits on no node: it needs tpu=1"),
    ]


def test_a_cluster_that_does_not_answer_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    reason = "Ray was not reached within 60 s"
    assert told(monkeypatch, Unavailable(reason)) == [(Level.PROBLEM, reason)]
