"""Targets are read strictly: what is doubtful is refused in one sentence before anything is started."""

from __future__ import annotations

import pytest

from gql_server.cli.errors import CliError, ExitCode
from gql_server.cli.evaluations.targets import Targets, parse_share, parse_thresholds


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("solve-rate=0.9,mean-score=0.8", {"solve-rate": 0.9, "mean-score": 0.8}),
        (" mean-score = 80% ", {"mean-score": 0.8}),
        ("solve-rate=100 %", {"solve-rate": 1.0}),
        ("solve-rate=0", {"solve-rate": 0.0}),
    ],
)
def test_thresholds_are_shares_or_percentages(text: str, found: dict[str, float]) -> None:
    assert parse_thresholds(text) == found


REFUSED = (
    *("", ",", "solve-rate", "solve-rate=", "=0.9", "solverate=0.9", "solve_rate=0.9", "SOLVE-RATE=0.9"),
    *("solve-rate=0.9,", "solve-rate=0.9,solve-rate=0.8", "solve-rate=0.9;mean-score=1", "solve-rate=0,9"),
    *("solve-rate=110%", "solve-rate=1.1", "solve-rate=90", "solve-rate=-0.1", "solve-rate=+0.5"),
    *(
        "solve-rate=nan",
        "solve-rate=NaN",
        "solve-rate=inf",
        "solve-rate=1e-3",
        "solve-rate=0x1",
        "solve-rate=.5",
    ),
    *(
        "solve-rate=\u0660",
        "solve-rate=0.9 0.8",
        "solve-rate=0.9%%",
        "solve-rate=0.\n9",
        f"solve-rate={'9' * 10_000}",
    ),
)


@pytest.mark.parametrize("text", REFUSED)
def test_a_threshold_that_is_none_is_wrong_use_in_one_short_line(text: str) -> None:
    with pytest.raises(CliError, match="--fail-under") as refused:
        parse_thresholds(text)
    assert refused.value.code == ExitCode.WRONG_USE
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 250


def test_a_drop_needs_a_baseline_and_is_a_share() -> None:
    with pytest.raises(CliError, match="--max-drop needs --baseline"):
        Targets.parse(None, None, "0.1")
    for text in ("5", "-0.1", "nan", ""):
        with pytest.raises(CliError, match="--max-drop is from 0 to 1"):
            Targets.parse(None, "x", text)
    assert parse_share("--max-drop", "5%") == 0.05


def test_without_options_there_are_no_targets() -> None:
    assert not Targets.parse(None, None, None)
    assert Targets.parse(None, "tag=main", None)
    assert Targets.parse("solve-rate=0", None, None)
