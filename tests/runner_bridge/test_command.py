"""The runner's command line: split once, filled in per argument, never a shell or an option by accident."""

from __future__ import annotations

import sys

import pytest

from runner_bridge.command import ENVIRONMENT, RunnerConfig, fill, parse_template
from runner_bridge.errors import CommandTemplateError

VALUES = {
    "path": "/some where/001.yml",
    "file": "001-sol-transfer",
    "benchmark": "001-sol-transfer",
    "agent": "glm-4.6",
    "id": "an-id",
}


def test_the_default_is_our_own_runner_in_this_python() -> None:
    config = RunnerConfig()
    assert config.is_local_runner
    assert fill(config.arguments, VALUES) == [
        *(sys.executable, "-P", "-m", "runner_bridge.local_runner", "--no-db", VALUES["path"]),
        *("--agent=glm-4.6", "--execution-id=an-id"),
    ]


def test_an_upstream_checkouts_command_line_comes_out_as_written() -> None:
    template = "cargo run -p reev-runner -- --no-db benchmarks/{file}.yml --agent={agent} --execution-id={id}"
    config = RunnerConfig(command=template)
    assert not config.is_local_runner
    assert fill(config.arguments, VALUES)[5:] == [
        *("--no-db", "benchmarks/001-sol-transfer.yml", "--agent=glm-4.6", "--execution-id=an-id"),
    ]


def test_a_value_never_splits_an_argument_and_is_never_filled_in_again() -> None:
    arguments = parse_template("'my runner' {path} x{agent}y {id}")
    filled = fill(arguments, {**VALUES, "agent": "{id} $(reboot) 'q'"})
    assert filled == ["my runner", VALUES["path"], "x{id} $(reboot) 'q'y", "an-id"]


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("", "empty"),
        ("runner '{path} {id}", "No closing quotation"),
        ("runner {path}", "{id}"),
        ("runner {id}", "{path}"),
        ("runner {path} {id} {modle}", "{modle}"),
    ],
)
def test_a_template_that_cannot_work_is_refused_with_the_reason(template: str, reason: str) -> None:
    with pytest.raises(CommandTemplateError) as refused:
        RunnerConfig(command=template)
    assert reason in str(refused.value)


def test_nothing_that_holds_our_own_secrets_is_handed_to_a_runner() -> None:
    assert not [name for name in ENVIRONMENT if name.startswith("REEV_GQL") or "DATABASE" in name]
