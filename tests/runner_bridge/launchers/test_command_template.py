"""The command line is split once and filled in per argument: no value becomes an option, no shell is used."""

from __future__ import annotations

import sys

import pytest

from runner_bridge.errors import CommandTemplateError
from runner_bridge.launchers.command_template import fill, parse_template
from runner_bridge.launchers.runner_config import ENVIRONMENT, RunnerConfig

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
    assert fill(config.template.required, VALUES) == [
        *(sys.executable, "-P", "-m", "runner_bridge.local_runner", "--no-db", VALUES["path"]),
        *("--agent=glm-4.6", "--execution-id=an-id"),
    ]


def test_an_upstream_checkouts_command_line_comes_out_as_written() -> None:
    template = "cargo run -p reev-runner -- --no-db benchmarks/{file}.yml --agent={agent} --execution-id={id}"
    config = RunnerConfig(command=template)
    assert not config.is_local_runner
    assert fill(config.template.required, VALUES)[5:] == [
        *("--no-db", "benchmarks/001-sol-transfer.yml", "--agent=glm-4.6", "--execution-id=an-id"),
    ]


@pytest.mark.parametrize(
    ("template", "called"),
    [
        ("cargo run -p reev-runner -- [--no-db] {file} --agent={agent}", "cargo run -p reev-runner --"),
        ("reev-runner --shared-surfpool {path} --agent {agent} [--execution-id {id}]", "reev-runner"),
        ("docker run --rm image:1 [--no-db] {path}", "docker run --rm image:1"),
        ("python -S -m runner --no-db {path}", "python -S -m runner"),
    ],
)
def test_help_is_asked_for_without_any_flag_of_the_runner(template: str, called: str) -> None:
    assert parse_template(template).help_command == (*called.split(), "--help")


def test_a_part_in_brackets_is_passed_as_a_whole_to_a_program_that_knows_its_flag() -> None:
    template = parse_template("reev-runner [--no-db] {path} [--execution-id {id}] [-v] '[x]' --agent={agent}")
    assert template.required == ("reev-runner", "{path}", "[x]", "--agent={agent}")
    assert template.arguments({"--execution-id", "-v", "--agent"}) == (
        *("reev-runner", "{path}", "--execution-id", "{id}", "-v", "[x]", "--agent={agent}"),
    )
    assert [part.flag for part in template.flags] == ["--no-db", "--execution-id", "-v", "--agent"]


def test_a_value_never_splits_an_argument_and_is_never_filled_in_again() -> None:
    template = parse_template("'my runner' {path} x{agent}y {id}")
    filled = fill(template.required, {**VALUES, "agent": "{id} $(reboot) 'q'"})
    assert filled == ["my runner", VALUES["path"], "x{id} $(reboot) 'q'y", "an-id"]


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("", "empty"),
        ("runner '{path} {id}", "No closing quotation"),
        ("runner {id}", "{path}"),
        ("runner [--file={path}]", "{path}"),
        ("runner {path} [--execution-id {id}", "no ] for [--execution-id"),
        ("[--no-db] {path}", "begins with a part in brackets"),
        ("runner {path} {id} {modle}", "{modle}"),
    ],
)
def test_a_template_that_cannot_work_is_refused_with_the_reason(template: str, reason: str) -> None:
    with pytest.raises(CommandTemplateError) as refused:
        RunnerConfig(command=template)
    assert reason in str(refused.value)


def test_nothing_that_holds_our_own_secrets_is_handed_to_a_runner() -> None:
    assert not [name for name in ENVIRONMENT if name.startswith("REEV_GQL") or "DATABASE" in name]
