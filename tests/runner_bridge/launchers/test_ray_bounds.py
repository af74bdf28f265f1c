"""How long it takes until the executions of a silent node are lost, added up from what is set."""

from __future__ import annotations

import re

from runner_bridge.launchers.ray.ray_launcher import RETRY_S
from tests.helpers.places import REPOSITORY

PROMISED_S = 15.0


def test_with_the_settings_of_the_docs_a_silent_node_has_lost_its_executions_within_15_s() -> None:
    """Every check takes all its time, and the worker asks once in vain before Ray says that the node is dead."""
    docs = (REPOSITORY / "docs" / "ray.md").read_text()
    given = {name: int(value) for name, value in re.findall(r"RAY_health_check_(\w+)=(\d+)", docs)}
    assert given.keys() == {"period_ms", "timeout_ms", "failure_threshold"}
    checks_s = given["failure_threshold"] * (given["period_ms"] + given["timeout_ms"]) / 1000
    assert checks_s + 2 * RETRY_S <= PROMISED_S
