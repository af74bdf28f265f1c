"""Whether a benchmark can be solved without a model, and why not; and what cannot be computed of a result."""

from __future__ import annotations

import json

import pytest

from runner_bridge.formats.benchmarks.benchmark import Benchmark, parse_benchmark
from runner_bridge.formats.benchmarks.reference_answer import BY_THE_AGENT, why_no_reference_answer
from runner_bridge.formats.benchmarks.runnable import why_not_runnable
from runner_bridge.formats.benchmarks.scoring import NOT_COMPUTABLE, score_steps
from runner_bridge.formats.session_file import parse_session_file
from runner_bridge.local_runner.agents.deterministic import _FIXED
from tests.helpers.fake_runner import FakeRunner
from tests.helpers.local_runner import BENCHMARKS

NAME = "006-token-2022-transfer"


def changed(old: str = "", new: str = "", name: str = NAME) -> Benchmark:
    text = (BENCHMARKS / f"{name}.yml").read_text()
    assert old in text
    return parse_benchmark(text.replace(old, new).encode(), f"{name}.yml")


def test_every_shipped_benchmark_has_one() -> None:
    for path in BENCHMARKS.glob("*.yml"):
        assert why_no_reference_answer(changed(name=path.stem)) is None
    assert _FIXED.keys() == BY_THE_AGENT


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('pubkey: "RECIPIENT_POINTS_ACCOUNT"', 'pubkey: "NOBODY"', "nothing says which account NOBODY is"),
        ("data: ", "data: '0OIl' # ", "data is not base58"),
        ("data: ", "data: '...' # ", "is not complete"),
        ("expected_instructions:", "expected_nothing:", "expects no instructions"),
    ],
)
def test_without_one_a_benchmark_can_still_be_played(old: str, new: str, why: str) -> None:
    text = (BENCHMARKS / f"{NAME}.yml").read_text()
    head, _, truth = text.partition("ground_truth:")
    benchmark = parse_benchmark((head + "ground_truth:" + truth.replace(old, new)).encode(), f"{NAME}.yml")
    assert why in (why_no_reference_answer(benchmark) or "")
    assert why_not_runnable(benchmark) is None


def session() -> bytes:
    return FakeRunner("001-sol-transfer", "deterministic", "x").session()


def test_a_score_whose_placeholders_nobody_resolves_is_not_computable() -> None:
    benchmark = changed(name="001-sol-transfer")
    tree = json.loads(session())
    steps = tree["final_result"]["data"]["steps"]
    for known, is_open in ((True, False), (False, True)):
        if not known:
            steps[0]["observation"]["key_map"] = {}
        read = parse_session_file(json.dumps(tree).encode(), "session_x.json")
        assert read.final_result is not None
        scoring = score_steps(benchmark, read.final_result.steps).to_json()
        assert (NOT_COMPUTABLE in scoring) is is_open
        assert ("USER_WALLET_PUBKEY" in str(scoring.get(NOT_COMPUTABLE))) is is_open
        assert ("score" in scoring) is not is_open


def test_what_adding_up_floats_left_is_no_other_score() -> None:
    tree = json.loads(session())
    for raw, remarks in ((1.0000000000000002, 1), (1.0, 0)):
        tree["final_result"]["score"] = raw
        result = parse_session_file(json.dumps(tree).encode(), "session_x.json").final_result
        assert result is not None and result.score == 1.0 and len(result.remarks) == remarks
