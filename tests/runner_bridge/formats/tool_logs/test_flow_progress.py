"""Steps of a flow are counted from what is known of them, and nothing is made up."""

from __future__ import annotations

import pytest

from runner_bridge.formats.tool_logs.flow_progress import StepCounter


def test_each_step_counts_once_in_whatever_order() -> None:
    counter = StepCounter("200-swap", 3)
    names = ["200-swap-step-1", "200-swap-step-1", "200-swap-step-3", "benchmarks/200-swap-step-2.yml"]
    assert [counter.take(name) for name in names] == [1, 1, 2, 3]


def test_a_line_named_like_the_benchmark_is_the_whole_flow() -> None:
    assert StepCounter("200-swap", 3).take("200-swap") == 3
    assert StepCounter("200-swap", None).take("200-swap") is None, "of unknown length"


@pytest.mark.parametrize(
    "name", [None, "", "step-1", "201-other-step-1", "200-swap-step-0", "200-swap-step-4", "200-swap-step-x"]
)
def test_a_line_that_means_no_step_of_this_flow_changes_nothing(name: str | None) -> None:
    assert StepCounter("200-swap", 3).take(name) is None
