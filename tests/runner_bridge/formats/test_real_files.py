"""Upstream's own files, where they lie beside the repository: each loads, and not a key is lost."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from runner_bridge.formats.addresses import b58decode, find_associated_token_address
from runner_bridge.formats.benchmarks.assertions import evaluate_assertions
from runner_bridge.formats.benchmarks.benchmark import parse_benchmark
from runner_bridge.formats.benchmarks.reference_answer import BY_THE_AGENT, why_no_reference_answer
from runner_bridge.formats.benchmarks.runnable import why_not_runnable
from runner_bridge.formats.benchmarks.scoring import score_steps
from runner_bridge.formats.session_file import parse_session_file
from runner_bridge.formats.tool_logs.tool_log import parse_tool_log
from tests.helpers.places import REAL_DATA

SESSION_ID = "057d2e4a-f687-469f-8885-ad57759817c0"


class WordsAndNumbers(yaml.SafeLoader):
    """Another reader of YAML, by the standard library's way of building: strings stay strings here too."""


WordsAndNumbers.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":int", ":float", ":null"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for word in ("true", "false"):
    WordsAndNumbers.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(f"^{word}$"), [word[0]])


def refused_by_upstream(path: Path) -> bool:
    loaded = parse_benchmark(path.read_bytes(), path.name)
    return any(remark.kind == "UPSTREAM_REFUSES" for remark in loaded.remarks)


if REAL_DATA.is_dir():
    BENCHMARKS = sorted((REAL_DATA / "benchmarks").glob("*.yml"))

    @pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
    def test_a_benchmark_loads_whole(path: Path) -> None:
        data = path.read_bytes()
        loaded = parse_benchmark(data, path.name)
        assert loaded.id == path.stem
        independent = yaml.load(data, Loader=WordsAndNumbers)
        assert repr(loaded.definition) == repr(independent)
        truth = independent["ground_truth"]
        assertions = loaded.ground_truth.final_state_assertions
        assert [item.raw for item in assertions] == truth["final_state_assertions"]
        assert loaded.ground_truth.extras.keys() <= truth.keys()

    def test_upstream_refuses_the_four_it_refuses() -> None:
        assert len(BENCHMARKS) == 19
        refused = [path.stem[:3] for path in BENCHMARKS if refused_by_upstream(path)]
        assert refused == ["302", "303", "304", "305"]

    def test_whether_a_benchmark_runs_here_does_not_depend_on_its_reference_answer() -> None:
        """Whatever is wrong with the expected instructions, a model can play what can be built."""
        without = 0
        for path in BENCHMARKS:
            loaded = parse_benchmark(path.read_bytes(), path.name)
            why_not, no_answer = why_not_runnable(loaded), why_no_reference_answer(loaded)
            without += no_answer is not None
            assert why_not is None or no_answer is None or no_answer not in why_not
            tree = yaml.load(path.read_bytes(), Loader=WordsAndNumbers)
            for instruction in tree["ground_truth"].get("expected_instructions") or []:
                instruction["accounts"] = [{"pubkey": "NOBODY", "is_signer": False, "is_writable": False}]
                instruction["data"] = "0OIl, no base58"
            spoilt = parse_benchmark(json.dumps(tree).encode(), path.name)
            assert spoilt.id in BY_THE_AGENT or why_no_reference_answer(spoilt) is not None
            assert why_not_runnable(spoilt) == why_not
        assert without >= 10

    def test_the_session_file() -> None:
        path = REAL_DATA / "sessions" / f"session_{SESSION_ID}.json"
        data = path.read_bytes()
        loaded = parse_session_file(data, path.name)
        assert loaded.raw == json.loads(data)
        assert (loaded.session_id, loaded.benchmark_id) == (SESSION_ID, "001-sol-transfer")
        result = loaded.final_result
        assert result is not None
        assert (result.success, result.score, len(result.steps)) == (True, 1.0, 1)
        definition = REAL_DATA / "benchmarks" / "001-sol-transfer.yml"
        benchmark = parse_benchmark(definition.read_bytes(), definition.name)
        assert score_steps(benchmark, result.steps).score == 1.0
        outcomes = evaluate_assertions(benchmark, result.steps)
        assert [item.outcome for item in outcomes] == ["PASSED", "PASSED"]

    def test_the_tool_log_of_a_transfer() -> None:
        data = (REAL_DATA / "otel" / f"enhanced_otel_{SESSION_ID}.jsonl").read_bytes()
        log = parse_tool_log(data, SESSION_ID)
        (call,) = log.calls
        assert (call.name, call.status, call.duration_ms) == ("sol_transfer", "SUCCESS", 0)
        lines = [json.loads(line) for line in data.splitlines()]
        assert call.params == lines[1]["tool_input"]["tool_args"]
        assert call.result == json.loads(lines[2]["tool_output"]["results"])
        assert log.prompts[0].final_prompt == lines[0]["prompt"]["final_prompt"]
        assert (log.problems, log.foreign, log.notes) == ([], [], [])

    def test_the_tool_log_of_a_swap() -> None:
        data = (REAL_DATA / "otel" / "enhanced_otel_300-swap-test.jsonl").read_bytes()
        log = parse_tool_log(data)
        (call,) = log.calls
        assert (call.name, call.status, call.duration_ms) == ("jupiter_swap", "SUCCESS", 1350)
        assert len(call.result["instructions"]) == 6
        assert log.problems == []
        adopting = parse_tool_log(data, "300-swap-test", adopts=True)
        assert adopting.calls == log.calls
        assert adopting.adopted == "21b6bb59-025f-4525-97e1-47f0961e5697"

    def test_the_log_with_echoes_has_one_call() -> None:
        data = (REAL_DATA / "made" / "orchestrator_success_echo.jsonl").read_bytes()
        log = parse_tool_log(data)
        assert [(call.name, call.status, call.duration_ms) for call in log.calls] == [
            ("get_account_balance", "SUCCESS", 42)
        ]

    def test_the_vectors() -> None:
        vectors = json.loads((REAL_DATA / "examples" / "vectors.json").read_bytes())
        pairs = vectors["associated_token_accounts"]
        assert pairs
        for pair in pairs:
            found = find_associated_token_address(pair["owner"], pair["mint"], pair["token_program"])
            assert found == (pair["ata"], pair["bump"])
        data = vectors["instruction_data_base58"]
        transfer = (2).to_bytes(4, "little") + (100_000_000).to_bytes(8, "little")
        assert b58decode(data["system_transfer_100000000"]) == transfer
        assert b58decode(data["spl_transfer_15000000"]) == b"\x03" + (15_000_000).to_bytes(8, "little")
        assert b58decode(data["spl_transfer_5000000"]) == b"\x03" + (5_000_000).to_bytes(8, "little")
