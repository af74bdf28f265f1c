from __future__ import annotations

import hashlib
import pickle

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runner_bridge.formats.benchmarks.benchmark import Benchmark, parse_benchmark
from runner_bridge.formats.benchmarks.runnable import why_not_runnable
from runner_bridge.formats.errors import FormatError
from tests.helpers.format_samples import benchmark
from tests.helpers.local_runner import BENCHMARKS
from tests.helpers.places import DATA

MINIMAL = b"""\
id: x
description: a
prompt: p
tags: []
initial_state: []
ground_truth: {final_state_assertions: []}
"""


def remarks(loaded: Benchmark, kind: str) -> dict[str, str]:
    return {remark.path: remark.message for remark in loaded.remarks if remark.kind == kind}


def test_reads_the_parts_of_a_plain_benchmark() -> None:
    loaded = benchmark("002-spl-transfer")
    assert (loaded.id, loaded.flow_type, loaded.tags) == (
        "002-spl-transfer",
        "static",
        ("spl-token", "transfer"),
    )
    account = loaded.initial_state[2]
    assert account.data is not None
    assert (account.pubkey, account.lamports, account.data.amount) == ("USER_USDC_ATA", 2039280, "50000000")
    instruction = loaded.ground_truth.expected_instructions[0]
    assert (instruction.data, instruction.data_weight, len(instruction.accounts)) == ("...", 0.0, 3)
    assert [item.expected for item in loaded.ground_truth.final_state_assertions] == [35000000, 15000000]
    assert all(item.evaluable for item in loaded.ground_truth.final_state_assertions)
    assert loaded.remarks == ()
    assert not loaded.is_flow


def test_source_and_hash_are_those_of_the_file() -> None:
    data = (DATA / "benchmarks" / "001-sol-transfer.yml").read_bytes()
    loaded = benchmark("001-sol-transfer")
    assert loaded.source_text.encode() == data
    assert loaded.content_hash == hashlib.sha256(data).hexdigest()


def test_the_definition_is_the_whole_file() -> None:
    data = (DATA / "benchmarks" / "many-shapes.yml").read_bytes()
    # Independent of our reader: every scalar as it is written.
    written = yaml.load(data, Loader=yaml.BaseLoader)
    assert as_written(benchmark("many-shapes").definition) == written


def as_written(value: object) -> object:
    if isinstance(value, dict):
        return {key: as_written(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_written(item) for item in value]
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def test_shapes_in_the_wild_load_and_are_remarked_upon() -> None:
    loaded = benchmark("many-shapes")
    assert loaded.tags == ("no", "2024-01-01", "007", "1:30")
    assert loaded.is_dynamic
    assert loaded.is_flow
    assert loaded.initial_state[0].lamports == 2**64 - 1
    assert loaded.initial_state[1].lamports is None
    old_form = loaded.initial_state[2].data
    assert old_form is not None
    assert (old_form.owner, old_form.amount) == ("USER_WALLET_PUBKEY", "7")
    assert loaded.ground_truth.min_score == 0.7
    assert loaded.ground_truth.extras.keys() == {
        "success_criteria",
        "expected_tool_calls",
        "expected_data_structure",
        "expected_instruction",
    }
    refused = remarks(loaded, "UPSTREAM_REFUSES")
    assert refused["initial_state[1].lamports"] == "is missing"
    assert "mint, owner, amount" in refused["initial_state[1].data"]
    assert "JSON text" in refused["initial_state[2].data"]
    assert "LiquidityRatio" in refused["ground_truth.final_state_assertions[7]"]
    assert refused["ground_truth.expected_instructions[1].accounts"] == "is missing"
    unused = remarks(loaded, "NOT_EVALUATED")
    assert {"author", "flow[1].retries", "ground_truth.success_criteria"} <= unused.keys()
    assert "ground_truth.final_state_assertions[0].note" in unused
    suspect = remarks(loaded, "SUSPECT")
    assert "2 times" in suspect["initial_state"]
    assert "numbered" in suspect["flow"]
    assert "observes only the last" in suspect["ground_truth.final_state_assertions"]
    assert "base58" in suspect["ground_truth.expected_instructions[0].data"]
    assert all(remark.to_json()["kind"] for remark in loaded.remarks)


def test_an_owner_placeholder_in_a_derivation_is_read_as_the_owner_and_remarked_on() -> None:
    mint = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
    text = (BENCHMARKS / "005-spl-transfer-new-account.yml").read_text()
    owner = 'owner: "RECIPIENT_WALLET_PUBKEY"\n'
    head, _, truth = text.partition("ground_truth:")
    assert owner in truth
    changed = head + "ground_truth:" + truth.replace(owner, f"owner_placeholder{owner[5:]}")
    loaded = parse_benchmark(changed.encode(), "005-spl-transfer-new-account.yml")
    derivations = [item.address_derivation for item in loaded.ground_truth.final_state_assertions]
    owners = {(one.owner, one.mint) for one in derivations if one is not None}
    assert ("RECIPIENT_WALLET_PUBKEY", mint) in owners
    refused = remarks(loaded, "UPSTREAM_REFUSES")
    assert any(path.endswith("address_derivation.owner_placeholder") for path in refused)
    assert all("owner_placeholder" in path for path in refused)
    assert why_not_runnable(loaded) is None


def test_assertions_that_cannot_be_evaluated_are_kept_whole() -> None:
    assertions = benchmark("many-shapes").ground_truth.final_state_assertions
    assert [item.evaluable for item in assertions] == [
        True,
        True,
        False,
        False,
        False,
        True,
        True,
        False,
        False,
        True,
    ]
    foreign = assertions[8]
    assert (foreign.type, foreign.weight) == ("JupiterLendingPosition", 1.0)
    assert foreign.raw == {"type": "JupiterLendingPosition", "shares": [1, 2], "expected": "lots"}
    assert assertions[7].weight == 0.1
    assert "expected_approx" in str(assertions[2].why_not_evaluable)


def test_the_tag_decides_whether_a_benchmark_is_dynamic() -> None:
    assert parse_benchmark(MINIMAL.replace(b"[]", b"[dynamic]", 1), "x.yml").is_dynamic
    assert parse_benchmark(MINIMAL + b"flow_type: dynamic\n", "x.yml").is_dynamic
    assert not parse_benchmark(MINIMAL, "x.yml").is_dynamic


def test_a_file_with_another_name_is_suspect() -> None:
    assert parse_benchmark(MINIMAL, "x.yml").remarks == ()
    assert remarks(parse_benchmark(MINIMAL, "other.yml"), "SUSPECT").keys() == {"id"}
    assert parse_benchmark(MINIMAL, "request").remarks == ()


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "words"),
    [
        ("id: x\n", "", 1, 1, "id is missing"),
        ("id: x", "id: 7", 1, 5, "id must be a text; put it in quotes"),
        ("id: x", "id: ../x", 1, 5, "not allowed"),
        ("id: x", "id: -x", 1, 5, "not allowed"),
        ("prompt: p\n", "", 1, 1, "prompt is missing"),
        ("tags: []\n", "", 1, 1, "tags is missing"),
        ("tags: []", "tags: dynamic", 4, 7, "tags must be a list"),
        ("tags: []", "tags: [a, 1]", 4, 11, "tags[1] must be a text"),
        ("initial_state: []\n", "", 1, 1, "initial_state is missing"),
        ("initial_state: []", "initial_state: {}", 5, 16, "must be a list"),
        ("initial_state: []", "initial_state: [x]", 5, 17, "initial_state[0] must be a map"),
        ("initial_state: []", "initial_state: [{owner: x}]", 5, 17, "initial_state[0].pubkey is missing"),
        (
            "initial_state: []",
            "initial_state: [{pubkey: a, owner: b, lamports: '5'}]",
            5,
            49,
            "lamports must be an integer",
        ),
        (
            "initial_state: []",
            "initial_state: [{pubkey: a, owner: b, lamports: -5}]",
            5,
            49,
            "greater than or equal to 0",
        ),
        (
            "initial_state: []",
            "initial_state: [{pubkey: a, owner: b, data: '{'}]",
            5,
            45,
            "JSON text of one",
        ),
        (
            "initial_state: []",
            "initial_state: [{pubkey: a, owner: b, data: {amount: '-1'}}]",
            5,
            54,
            "digits only",
        ),
        ("ground_truth: {final_state_assertions: []}", "ground_truth: 5", 6, 15, "must be a map"),
        ("assertions: []", "assertions: [5]", 6, 41, "assertions[0] must be a map"),
        ("assertions: []", "assertions: [{pubkey: x}]", 6, 41, "type is missing"),
        (
            "assertions: []",
            "assertions: [{type: SolBalance, expected: many}]",
            6,
            70,
            "expected must be an integer",
        ),
        ("assertions: []", "assertions: [{type: Unknown, weight: .nan}]", 6, 65, "weight must be a number"),
        ("assertions: []}", "assertions: [], min_score: high}", 6, 55, "min_score must be a number"),
        ("id: x", "id: x\nflow: [{step: 1, description: d}]", 2, 8, "flow[0].prompt is missing"),
    ],
)
def test_what_is_no_benchmark_is_refused_with_its_place(
    old: str, new: str, line: int, column: int, words: str
) -> None:
    source = MINIMAL.decode()
    assert old in source
    with pytest.raises(FormatError) as caught:
        parse_benchmark(source.replace(old, new, 1).encode(), "x.yml")
    assert words in caught.value.message
    assert (caught.value.source, caught.value.line, caught.value.column) == ("x.yml", line, column)


@pytest.mark.parametrize("data", [b"- a", b"text", b"5", b"{}", b'{"json": true}'])
def test_yaml_that_is_something_else_is_no_benchmark(data: bytes) -> None:
    with pytest.raises(FormatError, match="not a benchmark"):
        parse_benchmark(data, "x.yml")


def test_errors_cross_process_borders() -> None:
    with pytest.raises(FormatError) as caught:
        parse_benchmark(b"id: [", "x.yml")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value)
    assert copy.line == caught.value.line


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "x", "..."])
KEYS = st.sampled_from(
    "type pubkey owner lamports data weight expected address_derivation accounts amount program_id step"
    " prompt final_state_assertions expected_instructions extra".split()
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)


@given(st.fixed_dictionaries({key: TREES for key in ("tags", "initial_state", "flow", "ground_truth")}))
def test_whatever_the_tree_the_answer_is_a_benchmark_or_a_format_error(tree: dict[str, object]) -> None:
    data = yaml.safe_dump({"id": "x", "description": "d", "prompt": "p", **tree}).encode()
    try:
        parse_benchmark(data, "x.yml")
    except FormatError as error:
        assert error.line is not None
