from __future__ import annotations

import copy
import datetime as dt
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.session_file import Observation, SessionFile, parse_session_file
from tests.helpers.format_samples import session
from tests.helpers.places import DATA

GOLDEN = (DATA / "sessions" / "001-sol-transfer.json").read_bytes()
TREE = json.loads(GOLDEN)


def changed(path: str, value: Any = ...) -> bytes:
    """The golden file with the part at `path` replaced, or removed when no value is given."""
    tree = copy.deepcopy(TREE)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    node = tree
    for part in way:
        node = node[part]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return json.dumps(tree).encode()


def parsed(path: str, value: Any = ...) -> SessionFile:
    return parse_session_file(changed(path, value), "s.json")


def test_reads_todays_shape() -> None:
    loaded = session("001-sol-transfer")
    assert (loaded.session_id, loaded.benchmark_id) == ("001-sol-transfer-sample", "001-sol-transfer")
    assert loaded.agent_type == "deterministic"
    assert loaded.started_at == dt.datetime(2025, 10, 31, 8, 40, tzinfo=dt.UTC)
    assert loaded.ended_at == dt.datetime(2025, 10, 31, 8, 40, 4, tzinfo=dt.UTC)
    assert loaded.content_hash == hashlib.sha256(GOLDEN).hexdigest()
    assert loaded.raw == TREE
    result = loaded.final_result
    assert result is not None
    assert (result.success, result.score, result.status, result.execution_time_ms) == (
        True,
        1.0,
        "Succeeded",
        4000,
    )
    assert result.prompt == "Pay 0.1 SOL to RECIPIENT_WALLET_PUBKEY."
    (step,) = result.steps
    assert step.raw == TREE["final_result"]["data"]["steps"][0]
    assert step.action[0].data == "3Bxs411Dtc7pkFQj"
    assert step.action[0].accounts[0].is_signer
    assert step.observation.succeeded
    assert step.observation.account_states["USER_WALLET_PUBKEY"]["lamports"] == 899995000


@pytest.mark.parametrize(
    ("name", "steps", "tools", "prompt"),
    [
        ("variant-10-17-empty-data", 0, 0, None),
        ("variant-10-17-free-data", 0, 0, None),
        ("variant-10-18-trace", 1, 0, "Pay."),
        ("variant-10-20-tools-and-trace", 1, 1, "Pay."),
        ("variant-10-20-trace-only", 1, 0, "Pay."),
        ("variant-10-21-tools", 1, 2, "Pay."),
        ("variant-flow-error-step", 2, 0, "Move."),
        ("variant-api", 2, 0, "Look."),
        ("variant-dynamic-score", 0, 0, None),
    ],
)
def test_reads_every_variant_over_time(name: str, steps: int, tools: int, prompt: str | None) -> None:
    loaded = session(name)
    result = loaded.final_result
    assert result is not None
    assert (len(result.steps), len(result.tools), result.prompt) == (steps, tools, prompt)
    assert loaded.raw == json.loads((DATA / "sessions" / f"{name}.json").read_bytes())


def test_tools_have_one_shape_whatever_they_were_called() -> None:
    old, new = session("variant-10-20-tools-and-trace"), session("variant-10-21-tools")
    assert old.final_result is not None
    assert new.final_result is not None
    (call,) = old.final_result.tools
    assert (call.name, call.raw_name, call.status, call.duration_ms) == (
        "sol_transfer",
        "sol_transfer",
        "SUCCESS",
        2000,
    )
    assert call.result[0]["data"] == "3Bxs411Dtc7pkFQj"
    failed, unfinished = new.final_result.tools
    assert (failed.ordinal, failed.name, failed.raw_name) == (1, "get_account_balance", "account_balance")
    assert (failed.status, failed.error_message) == ("ERROR", "gone")
    assert (unfinished.status, unfinished.ended_at, unfinished.duration_ms) == ("UNFINISHED", None, None)


def test_the_error_step_of_a_flow() -> None:
    loaded = session("variant-flow-error-step")
    assert (loaded.benchmark_id, loaded.raw_benchmark_id) == (
        "200-swap-then-lend",
        "benchmarks/200-swap-then-lend.yml",
    )
    assert (loaded.started_at, loaded.ended_at) == (None, None)
    assert len(loaded.events) == 1
    result = loaded.final_result
    assert result is not None
    assert (result.success, result.score, result.status) == (False, 0.0, "Failed")
    error_step = result.steps[1]
    assert error_step.action == ()
    assert error_step.info["error"] == "agent gave up"
    assert error_step.thought == "I give up 🤷"
    assert error_step.observation == result.steps[0].observation


def test_an_unfinished_session_has_no_result() -> None:
    assert session("variant-unfinished").final_result is None
    assert parsed("final_result").final_result is None


def test_only_dynamic_flows_count_to_a_hundred() -> None:
    result = session("variant-dynamic-score").final_result
    assert result is not None
    assert (result.score, result.raw_score) == (0.75, 75.0)
    with pytest.raises(FormatError, match="between 0 and 1"):
        parsed("final_result.score", 75.0)


@pytest.mark.parametrize("score", [0, 0.0, 0.5, 1, 1.0, None])
def test_scores_that_are_kept(score: float | None) -> None:
    result = parsed("final_result.score", score).final_result
    assert result is not None
    assert result.score == score


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("session_id", ..., "session_id is missing"),
        ("session_id", None, "session_id must be a text"),
        ("session_id", "../../etc/passwd", "not allowed"),
        ("benchmark_id", ..., "benchmark_id is missing"),
        ("benchmark_id", "../x", "not allowed"),
        ("agent_type", 5, "agent_type must be a text"),
        ("start_time", "yesterday", "start_time must be a number"),
        ("start_time", True, "start_time must be a number"),
        ("events", {}, "events must be a list"),
        ("final_result", [], "final_result must be a map"),
        ("final_result.success", ..., "final_result.success is missing"),
        ("final_result.success", "true", "success must be true or false"),
        ("final_result.success", 1, "success must be true or false"),
        ("final_result.score", 1.5, "between 0 and 1"),
        ("final_result.score", -1, "between 0 and 1"),
        ("final_result.score", "0.5", "score must be a number"),
        ("final_result.score", True, "score must be a number"),
        ("final_result.score", 10**100, "between 0 and 1"),
        ("final_result.execution_time_ms", -1, "greater than or equal to 0"),
        ("final_result.data", [], "data must be a map"),
        ("final_result.data.steps", [5], "data.steps[0] must be a map"),
        ("final_result.data.steps", [None], "data.steps[0] must be a map"),
        ("final_result.data.steps.0.action.0.program_id", ..., "action[0].program_id is missing"),
        ("final_result.data.steps.0.action.0.accounts.1.is_signer", 1, "must be true or false"),
        ("final_result.data.steps.0.observation", "Success", "observation must be a map"),
        ("final_result.data.steps.0.observation.last_transaction_status", 1, "must be a text"),
        ("final_result.data.steps.0.observation.key_map.X", 1, "key_map.X must be a text"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(path: str, value: Any, words: str) -> None:
    with pytest.raises(FormatError) as caught:
        parsed(path, value)
    assert words in caught.value.message
    assert caught.value.source == "s.json"


@pytest.mark.parametrize("path", ["thought", "info", "observation", "action"])
@pytest.mark.parametrize("value", [None, ...])
def test_missing_parts_of_a_step_are_unknown_not_invented(path: str, value: Any) -> None:
    result = parsed(f"final_result.data.steps.0.{path}", value).final_result
    assert result is not None
    (step,) = result.steps
    empty: dict[str, object] = {"thought": None, "info": {}, "action": (), "observation": Observation(raw={})}
    assert getattr(step, path) == empty[path]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (0, None),
        (1, None),
        (-5, None),
        (1_700_000_000, None),
        (1e300, None),
        (1_761_900_000, dt.datetime(2025, 10, 31, 8, 40, tzinfo=dt.UTC)),
        (1_761_900_000.5, dt.datetime(2025, 10, 31, 8, 40, 0, 500_000, tzinfo=dt.UTC)),
        (1_761_900_000_500, dt.datetime(2025, 10, 31, 8, 40, 0, 500_000, tzinfo=dt.UTC)),
    ],
)
def test_dummies_are_no_times(value: float | None, expected: dt.datetime | None) -> None:
    assert parsed("start_time", value).started_at == expected


def test_unknown_fields_are_kept() -> None:
    loaded = parsed("final_result.data.steps.0.mood", "🙂")
    assert loaded.final_result is not None
    assert loaded.final_result.steps[0].raw["mood"] == "🙂"
    assert loaded.raw["final_result"]["data"]["steps"][0]["mood"] == "🙂"


def test_cut_anywhere_it_is_never_a_result() -> None:
    assert parse_session_file(GOLDEN, "s.json").final_result is not None
    for length in range(len(GOLDEN)):
        with pytest.raises(FormatError):
            parse_session_file(GOLDEN[:length], "s.json")


@pytest.mark.parametrize("data", [b"[]", b"null", b"5", b'"x"', b"{}", b"\xff\xfe", b"\0" * 100])
def test_what_is_no_session_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_session_file(data, "s.json")


@given(st.binary(max_size=100))
def test_whatever_the_bytes_the_answer_is_a_session_or_a_format_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_session_file(data, "s.json")


@given(st.integers(0, len(GOLDEN) - 1), st.binary(min_size=1, max_size=3))
def test_bytes_overwritten_anywhere_are_a_session_or_a_format_error(position: int, noise: bytes) -> None:
    data = GOLDEN[:position] + noise + GOLDEN[position + len(noise) :]
    try:
        parse_session_file(data, "s.json")
    except FormatError as error:
        assert str(error)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PATHS = [
    "start_time",
    "events",
    "metadata",
    "final_result",
    "final_result.score",
    "final_result.tools",
    "final_result.data",
    "final_result.data.steps",
    "final_result.data.trace",
    "final_result.data.tools",
    "final_result.data.prompt",
    "final_result.data.steps.0",
    "final_result.data.steps.0.action",
    "final_result.data.steps.0.observation",
    "final_result.data.steps.0.observation.account_states",
]


@given(st.sampled_from(PATHS), VALUES)
def test_anything_anywhere_is_a_session_or_a_format_error(path: str, value: object) -> None:
    try:
        parsed(path, value)
    except FormatError as error:
        assert str(error)
