"""The session file has upstream's shape, key by key and in its order."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tests.helpers.local_runner import BENCHMARKS, execute, run

REAL_SESSION = Path("sessions", "session_057d2e4a-f687-469f-8885-ad57759817c0.json")
OBSERVATION_KEYS = [
    "account_states",
    "key_map",
    "last_transaction_error",
    "last_transaction_logs",
    "last_transaction_status",
]


def shape(value: Any) -> Any:
    """Keys in their order and types at the leaves."""
    if isinstance(value, dict):
        return [(key, shape(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


def test_the_file_for_001_has_the_shape_of_the_real_one(tmp_path: Path, real_data: Path) -> None:
    ours, real = (
        execute(tmp_path, "001-sol-transfer").tree,
        json.loads((real_data / REAL_SESSION).read_bytes()),
    )
    assert shape(ours) == shape(real)
    our_step, real_step = (tree["final_result"]["data"]["steps"][0] for tree in (ours, real))
    assert our_step["action"][0]["data"] == real_step["action"][0]["data"]
    for key in ("account_states", "last_transaction_logs", "last_transaction_status"):
        assert our_step["observation"][key] == real_step["observation"][key]


def test_the_file_for_001_says_what_happened(tmp_path: Path) -> None:
    before = int(time.time())
    finished = execute(tmp_path, "001-sol-transfer")
    tree = finished.tree
    assert list(tree) == [
        "session_id",
        "benchmark_id",
        "agent_type",
        "start_time",
        "end_time",
        "events",
        "final_result",
    ]
    assert (tree["session_id"], tree["benchmark_id"]) == (finished.id, "001-sol-transfer")
    assert (tree["agent_type"], tree["events"]) == ("deterministic", [])
    assert before <= tree["start_time"] <= tree["end_time"] <= time.time()
    result = tree["final_result"]
    assert list(result) == ["success", "score", "status", "execution_time_ms", "data"]
    assert 0 < result["execution_time_ms"] < 10_000
    (step,) = result["data"]["steps"]
    assert list(step) == ["action", "info", "observation", "thought"]
    assert list(step["observation"]) == OBSERVATION_KEYS
    key_map = step["observation"]["key_map"]
    assert step["action"][0]["accounts"] == [
        {"is_signer": True, "is_writable": True, "pubkey": key_map["USER_WALLET_PUBKEY"]},
        {"is_signer": False, "is_writable": True, "pubkey": key_map["RECIPIENT_WALLET_PUBKEY"]},
    ]
    # Indented by two, as people read it and upstream writes it.
    assert finished.session_path.read_text().startswith('{\n  "session_id": ')


def test_keys_are_fresh_in_every_execution(tmp_path: Path) -> None:
    users = {
        execute(tmp_path, "001-sol-transfer").tree["final_result"]["data"]["steps"][0]["observation"][
            "key_map"
        ]["USER_WALLET_PUBKEY"]
        for _ in range(2)
    }
    assert len(users) == 2


def test_amounts_are_numbers_and_a_missing_account_says_so(tmp_path: Path) -> None:
    (step,) = execute(tmp_path, "002-spl-transfer").tree["final_result"]["data"]["steps"]
    assert step["observation"]["account_states"]["USER_USDC_ATA"] == {
        "amount": 35_000_000,
        "data_len": 165,
        "executable": False,
        "lamports": 2_039_280,
        "mint": "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
        "owner": "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
        "token_account_owner": step["observation"]["key_map"]["USER_WALLET_PUBKEY"],
    }
    (step,) = execute(tmp_path, "004-partial-score-spl-transfer").tree["final_result"]["data"]["steps"]
    assert step["observation"]["account_states"]["RECIPIENT_WALLET_PUBKEY"] == {
        "data_len": 0,
        "executable": False,
        "exists": False,
        "lamports": 0,
        "owner": "11111111111111111111111111111111",
    }


def test_without_an_execution_id_the_file_gets_a_fresh_one(tmp_path: Path) -> None:
    directory = tmp_path / "not" / "there" / "yet"
    assert run(directory, BENCHMARKS / "007-two-step-flow.yml").code == 0
    (session,) = directory.glob("session_*.json")
    tree = json.loads(session.read_bytes())
    assert session.name == f"session_{tree['session_id']}.json"
    assert tree["session_id"] != "unknown"
