"""The tool log: upstream's lines, one pair per call, written while the execution goes on."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runner_bridge.formats.tool_logs.tool_log import CallStatus
from tests.helpers.local_runner import BENCHMARKS, execute, finish, start

REAL_LOG = Path("otel", "enhanced_otel_057d2e4a-f687-469f-8885-ad57759817c0.jsonl")
TOOLS = {
    "001-sol-transfer": ["sol_transfer"],
    "002-spl-transfer": ["spl_transfer"],
    "003-spl-transfer-fail": ["spl_transfer"],
    "004-partial-score-spl-transfer": ["spl_transfer"],
    "005-spl-transfer-new-account": ["ata_create", "spl_transfer"],
    "006-token-2022-transfer": ["spl_transfer"],
    "007-two-step-flow": ["sol_transfer", "spl_transfer"],
    "008-wrap-sol": ["sol_transfer", "instruction"],
}


@pytest.mark.parametrize(("name", "tools"), TOOLS.items())
def test_every_call_starts_and_ends(name: str, tools: list[str], tmp_path: Path) -> None:
    log = execute(tmp_path, name).log
    assert [call.raw_name for call in log.calls] == [f"deterministic_{tool}" for tool in tools]
    assert {call.status for call in log.calls} == {CallStatus.SUCCESS}
    for call in log.calls:
        assert call.started_at is not None
        assert call.ended_at is not None
        assert call.started_at <= call.ended_at
        # The reader counts from line to line, the runner the call alone; both in whole milliseconds.
        assert call.duration_ms is not None
        assert 0 <= call.result["execution_time_ms"] <= call.duration_ms + 1
        assert call.result["instruction_count"] == 1
    assert (log.problems, log.foreign) == ([], [])


def test_arguments_and_results_have_upstreams_keys(tmp_path: Path) -> None:
    finished = execute(tmp_path, "001-sol-transfer")
    keys = finished.tree["final_result"]["data"]["steps"][0]["observation"]["key_map"]
    user, recipient = keys["USER_WALLET_PUBKEY"], keys["RECIPIENT_WALLET_PUBKEY"]
    (call,) = finished.log.calls
    assert call.params == {"user_pubkey": user, "recipient_pubkey": recipient, "lamports": 100_000_000}
    assert call.result == {
        "instruction_count": 1,
        "lamports": 100_000_000,
        "from_pubkey": user,
        "to_pubkey": recipient,
        "execution_time_ms": call.result["execution_time_ms"],
    }


def test_a_token_transfer_names_its_mint_whichever_instruction_it_is(tmp_path: Path) -> None:
    classic = execute(tmp_path, "002-spl-transfer").log.calls[0]
    assert classic.params["mint_address"] == "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
    checked = execute(tmp_path, "006-token-2022-transfer")
    keys = checked.tree["final_result"]["data"]["steps"][0]["observation"]["key_map"]
    assert checked.log.calls[0].params == {
        "user_pubkey": keys["USER_WALLET_PUBKEY"],
        "recipient_pubkey": keys["RECIPIENT_POINTS_ACCOUNT"],
        "amount": 1234,
        "mint_address": keys["POINTS_MINT"],
    }


def test_a_flow_tells_when_its_steps_are_complete(tmp_path: Path) -> None:
    lines = execute(tmp_path, "007-two-step-flow").log_lines
    kinds = [line["event_type"] for line in lines]
    assert kinds == ["ToolInput", "ToolOutput", "StepComplete"] * 2
    names = [line["metadata"]["step_name"] for line in lines if line["event_type"] == "StepComplete"]
    assert names == ["007-two-step-flow-step-1", "007-two-step-flow-step-2"]


def test_lines_have_the_keys_of_the_real_ones(tmp_path: Path, real_data: Path) -> None:
    real = [json.loads(line) for line in (real_data / REAL_LOG).read_text().splitlines()][1:]
    ours = execute(tmp_path, "001-sol-transfer").log_lines
    for our_line, real_line in zip(ours, real, strict=True):
        assert list(our_line) == list(real_line)
        for part in ("tool_input", "tool_output", "timing"):
            assert list(our_line[part] or ()) == list(real_line[part] or ())
        assert len(our_line["timestamp"]) == len(real_line["timestamp"])


def test_the_file_can_be_named_and_switched_off(tmp_path: Path) -> None:
    named = tmp_path / "elsewhere" / "calls-{session_id}.jsonl"
    finished = execute(tmp_path, "001-sol-transfer", REEV_ENHANCED_OTEL_FILE=str(named))
    assert len(Path(str(named).replace("{session_id}", finished.id)).read_text().splitlines()) == 2
    assert not finished.log_path.exists()
    silent = execute(tmp_path, "001-sol-transfer", REEV_ENHANCED_OTEL="0")
    assert silent.code == 0
    assert not silent.log_path.exists()


def test_the_first_line_is_written_before_the_execution_goes_on(tmp_path: Path) -> None:
    # Without a reader, a named pipe holds the runner when it writes its first line.
    pipe, sessions = tmp_path / "pipe", tmp_path / "sessions"
    os.mkfifo(pipe)
    process = start(
        sessions,
        BENCHMARKS / "001-sol-transfer.yml",
        "--execution-id=held",
        REEV_ENHANCED_OTEL_FILE=str(pipe),
    )
    with open(pipe, "rb") as reader:
        finished = finish(process, sessions, "held")
        events = [json.loads(line)["event_type"] for line in reader]
    assert events == ["ToolInput", "ToolOutput"]
    assert finished.session_path.exists()
