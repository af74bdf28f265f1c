"""Connections to an endpoint that break or cannot be trusted: a typed failure, tried again where that may help."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.certificates import Authority
from tests.helpers.local_runner import BENCHMARKS, Finished, finish, start
from tests.helpers.scripted_endpoint import API_KEY, ScriptedEndpoint, scripted_endpoint

ID = "llm"
SOLVED: list[dict[str, Any]] = [
    {
        "calls": [
            {
                "name": "sol_transfer",
                "arguments": {
                    "from": "USER_WALLET_PUBKEY",
                    "to": "RECIPIENT_WALLET_PUBKEY",
                    "amount": 100_000_000,
                },
            }
        ]
    },
    {"text": "Paid."},
]
NEXT_YEAR = dt.datetime.now(dt.UTC) + dt.timedelta(days=365)
LAST_YEAR = dt.datetime.now(dt.UTC) - dt.timedelta(days=365)


def execute(
    endpoint: ScriptedEndpoint, directory: Path, variables: dict[str, str], **settings: Any
) -> Finished:
    agent = {"url": endpoint.url, "model": "scripted", **settings}
    environment = {"REEV_GQL_AGENT": json.dumps(agent), "LLM_API_KEY": API_KEY, **variables}
    arguments = (BENCHMARKS / "001-sol-transfer.yml", "--agent=x", f"--execution-id={ID}")
    return finish(start(directory, *arguments, **environment), directory, ID)


def errors(finished: Finished) -> list[dict[str, Any]]:
    lines = (finished.directory / f"transcript_{ID}.jsonl").read_text().splitlines()
    return [line for line in map(json.loads, lines) if line["kind"] == "error"]


def test_a_server_whose_issuer_is_named_in_ssl_cert_file_is_trusted(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate = authority.certificate("127.0.0.1")
    with scripted_endpoint(tmp_path, SOLVED, certificate=certificate) as endpoint:
        finished = execute(endpoint, tmp_path, {"SSL_CERT_FILE": str(authority.path)})
    assert finished.code == 0, finished.stderr
    assert finished.tree["final_result"]["score"] == 1.0


@pytest.mark.parametrize(
    ("host", "begins", "is_trusted", "words"),
    [
        ("127.0.0.1", None, False, "in SSL_CERT_FILE"),
        ("192.0.2.1", None, True, "use the name that it was made for"),
        ("127.0.0.1", LAST_YEAR, True, "renew it, or set the clock"),
        ("127.0.0.1", NEXT_YEAR, True, "renew it, or set the clock"),
    ],
    ids=["unknown issuer", "other host", "expired", "not valid yet"],
)
def test_a_certificate_that_proves_nothing_is_refused_at_once(
    host: str, begins: dt.datetime | None, is_trusted: bool, words: str, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    trusted = {"SSL_CERT_FILE": str(authority.path)} if is_trusted else {}
    with scripted_endpoint(
        tmp_path, SOLVED, certificate=authority.certificate(host, begins=begins)
    ) as endpoint:
        finished = execute(endpoint, tmp_path, trusted)
        assert endpoint.requests == []
    assert finished.code == 5
    assert finished.stderr.startswith("local runner: UNREACHABLE: https://127.0.0.1:")
    assert words in finished.stderr
    assert [error["error.type"] for error in errors(finished)] == ["UNREACHABLE"]


def test_https_where_nobody_speaks_it(tmp_path: Path) -> None:
    with scripted_endpoint(tmp_path, SOLVED) as plain:
        endpoint = ScriptedEndpoint(plain.protocol, plain.port, plain.log, "https")
        finished = execute(endpoint, tmp_path, {})
    assert finished.code == 5
    assert "does its address begin with http://?" in finished.stderr


@pytest.mark.parametrize("where", ["headers", "body"])
def test_a_connection_that_is_cut_is_opened_again(where: str, tmp_path: Path) -> None:
    with scripted_endpoint(tmp_path, [{"cut": where}, *SOLVED]) as endpoint:
        finished = execute(endpoint, tmp_path, {})
    assert finished.code == 0, finished.stderr
    assert finished.tree["final_result"]["data"]["llm"]["retries"] == 1
    assert [error["error.type"] for error in errors(finished)] == ["UNREACHABLE"]


def test_an_answer_that_comes_byte_by_byte_is_not_waited_for(tmp_path: Path) -> None:
    with scripted_endpoint(tmp_path, [{"drip": True}]) as endpoint:
        finished = execute(endpoint, tmp_path, {}, retries=0, request_timeout_ms=1000)
    assert finished.code == 5
    assert finished.stderr.startswith("local runner: TIMEOUT: no answer within 1.0 seconds")


def test_of_an_answer_of_50_megabytes_only_the_beginning_is_read(tmp_path: Path) -> None:
    with scripted_endpoint(tmp_path, [{"huge": 50 * 1024 * 1024}]) as endpoint:
        finished = execute(endpoint, tmp_path, {})
    assert finished.code == 5
    assert finished.stderr.startswith("local runner: BAD_ANSWER: the answer is longer than 8388608 bytes")


def test_a_date_in_retry_after_that_is_too_far_ends_it(tmp_path: Path) -> None:
    headers = {"Retry-After": NEXT_YEAR.strftime("%a, %d %b %Y %H:%M:%S GMT")}
    with scripted_endpoint(tmp_path, [{"status": 429, "headers": headers}]) as endpoint:
        finished = execute(endpoint, tmp_path, {})
    assert finished.code == 5
    assert finished.stderr.startswith("local runner: RATE_LIMITED: ")
    assert "reev.next_try_s" not in errors(finished)[0]
