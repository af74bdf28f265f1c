from __future__ import annotations

import pytest

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.ids import check_id, is_dynamic_id, normalise_benchmark_id


@pytest.mark.parametrize(
    "text",
    ["001-sol-transfer", "057d2e4a-f687-469f-8885-ad57759817c0", "unknown", "a", "A_b.c-9", "x" * 128],
)
def test_admits_every_id_in_the_wild(text: str) -> None:
    assert check_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        ".hidden",
        "../../etc/passwd",
        "a/b",
        "a\\b",
        "C:\\x",
        "/etc/passwd",
        "%2e%2e",
        "--agent=x",
        "-x",
        "_x",
        "a\0b",
        "a\n",
        "a b",
        "a;b",
        "$(x)",
        "x" * 129,
        "x" * 100_000,
        "\uff53ol-transfer",
        "001\u2010sol",
        "\u0430",
        "\u00e9",
    ],
)
def test_refuses_what_a_path_or_a_command_line_could_misread(text: str) -> None:
    with pytest.raises(FormatError) as caught:
        check_id(text, "benchmark id")
    message = str(caught.value)
    assert message.startswith("benchmark id ")
    assert "letters, digits" in message
    assert message.isascii()
    assert message.isprintable()
    assert len(message) < 300


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("001-sol-transfer", ("001-sol-transfer", None)),
        ("benchmarks/001-sol-transfer.yml", ("001-sol-transfer", None)),
        ("./benchmarks/001-sol-transfer.yaml", ("001-sol-transfer", None)),
        ("200-swap-then-lend-step-2", ("200-swap-then-lend", 2)),
        ("007-two-step-flow", ("007-two-step-flow", None)),
    ],
)
def test_one_spelling_of_a_benchmark_id(raw: str, expected: tuple[str, int | None]) -> None:
    assert normalise_benchmark_id(raw) == expected


def test_knows_the_ids_of_dynamic_flows() -> None:
    assert is_dynamic_id("direct-0a1b2c3d")
    assert is_dynamic_id("dynamic-1762000000-0a1b2c3d")
    assert not is_dynamic_id("057d2e4a-f687-469f-8885-ad57759817c0")
