"""The three old texts of the transaction logs, to the character."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.renderings.transaction_texts import (
    NO_DATA,
    NO_LOGS,
    plain_text,
    tree_text,
    yaml_text,
)
from store.model import Step
from tests.helpers.renderings import TOKEN, logged, sample

ERROR = "custom program error: 0x1771"


@pytest.fixture
def nested() -> list[Step]:
    return [logged(*sample("nested.logs.txt").splitlines(), error=ERROR)]


def test_the_core_tree_keeps_every_line_in_order(nested: list[Step]) -> None:
    assert tree_text(nested) == sample("nested.tree.txt")


def test_the_box_tree_reads_the_log_as_upstream_did(nested: list[Step]) -> None:
    assert yaml_text(nested) == sample("nested.yaml.txt")
    assert yaml_text(nested, show_compute_units=True) == sample("nested.yaml.show_cu.txt")


def test_plain_text_is_the_lines_and_the_error(nested: list[Step]) -> None:
    lines = "".join(f"  {line}\n" for line in sample("nested.logs.txt").splitlines())
    assert plain_text(nested) == f"Step 1:\n{lines}  Error: {ERROR}\n\n"


def test_without_compute_units_no_text_tells_them(nested: list[Step]) -> None:
    assert "compute units" not in plain_text(nested, show_compute_units=False)
    assert "⚡" not in tree_text(nested, show_compute_units=False)


def test_lines_are_grouped_by_indentation_and_a_lone_line_is_a_leaf() -> None:
    text = tree_text([logged("one", "two", "  Program log: three")])
    assert text.splitlines()[2:] == [
        "    ├─ 📦 Program Operations",
        "    │  ├─ one",
        "    │  └─ two",
        "    └─ 📝 three",
    ]


def test_steps_keep_their_numbers_when_one_has_no_logs() -> None:
    text = tree_text([logged(), logged("Program log: x"), logged(error="refused")])
    assert [line[4:10] for line in text.splitlines() if "Step" in line] == ["Step 2", "Step 3"]


def test_only_the_first_success_of_a_program_is_in_the_box_tree_over_all_steps() -> None:
    lines = (f"Program {TOKEN} invoke [1]", f"Program {TOKEN} success")
    assert yaml_text([logged(*lines), logged(*lines)]).count("✅") == 1


def test_where_there_is_nothing_the_texts_say_so() -> None:
    assert plain_text([]) == tree_text([]) == yaml_text([]) == NO_DATA
    assert tree_text([logged()]) == NO_LOGS


@pytest.mark.parametrize(
    ("example", "text"),
    [
        ("api_core_transaction_tree", tree_text),
        ("api_main_transaction_tree", yaml_text),
        ("api_main_transaction_plain", plain_text),
    ],
)
def test_the_real_session_gives_the_real_texts(
    real_data: Path, example: str, text: Callable[[list[Step]], str]
) -> None:
    path = next((real_data / "sessions").glob("session_057d*.json"))
    data = json.loads(path.read_text(encoding="utf-8"))["final_result"]["data"]["steps"]
    steps = [Step(1, None, item["action"], item["observation"], item["info"]) for item in data]
    assert text(steps) == (real_data / "examples" / f"{example}.001.txt").read_text(encoding="utf-8")


def test_the_demo_log_gives_the_old_texts(real_data: Path) -> None:
    examples = real_data / "examples"
    steps = [logged(*(examples / "demo_logs.txt").read_text(encoding="utf-8").splitlines())]

    def expected(name: str) -> str:
        return (examples / name).read_text(encoding="utf-8")

    assert tree_text(steps) == expected("api_core_transaction_tree.demo.txt")
    assert yaml_text(steps) == expected("api_main_transaction_tree.demo.txt")
    shown = yaml_text(steps, show_compute_units=True)
    assert shown == expected("api_main_transaction_tree.demo.show_cu.txt")


@given(st.lists(st.text(max_size=30) | st.just("Program A invoke [3]") | st.just("Program A success")))
def test_no_log_breaks_a_text(lines: list[str]) -> None:
    steps = [logged(*lines, error="\x1b]0;x\x07")]
    for text in (plain_text(steps), tree_text(steps), yaml_text(steps, show_compute_units=True)):
        text.encode("utf-8")
        assert "\x1b" not in text
