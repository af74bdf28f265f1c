"""What cannot be executed gives one clear line and the right exit code, and leaves nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.helpers.local_runner import BENCHMARKS, Finished, run

FIRST = BENCHMARKS / "001-sol-transfer.yml"


def refused(finished: Finished, code: int, *words: str) -> None:
    """Exit code and one line with all of `words`; no file written, no traceback."""
    assert finished.code == code, finished.stderr
    assert finished.stdout == ""
    assert finished.stderr.startswith("local runner: ")
    assert finished.stderr.count("\n") == 1
    for word in words:
        assert word in finished.stderr
    assert not finished.directory.is_dir() or list(finished.directory.iterdir()) == []


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "sessions"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["PATH"]),
        ([FIRST, "--agent"], ["--agent"]),
        ([FIRST, "--agent=glm-4.6"], ["'glm-4.6'", "deterministic"]),
        ([FIRST, "--agen=deterministic"], ["--agen"]),
        ([FIRST, "--verbose"], ["--verbose"]),
        ([FIRST, FIRST], ["unrecognized"]),
        ([FIRST, "--execution-id=../../etc/passwd"], ["execution id", "not allowed"]),
        ([FIRST, "--execution-id="], ["execution id"]),
        ([FIRST, "--execution-id=-x"], ["execution id"]),
        ([FIRST, f"--execution-id={'x' * 300}"], ["execution id"]),
        (["no-such-file.yml"], ["no-such-file.yml", "No such file"]),
        ([BENCHMARKS], ["directory"]),
        (["/dev/zero"], ["/dev/zero"]),
    ],
)
def test_bad_usage(arguments: list[str | Path], words: list[str], out: Path) -> None:
    refused(run(out, *arguments), 2, *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", ["empty"]),
        (b"id: [", ["bad.yml:", "1"]),
        (b"\xff\xfe", ["bad.yml"]),
        (b"- a list\n", ["not a benchmark"]),
        (b"id: 001-x\ndescription: d\ntags: []\nprompt: p\n", ["missing"]),
        (
            b"id: ../x\ndescription: d\ntags: []\nprompt: p\ninitial_state: []\nground_truth: {}\n",
            ["not allowed"],
        ),
        (b"#" * (1 << 21), ["bad.yml"]),
    ],
)
def test_a_file_that_is_no_benchmark(text: bytes, words: list[str], out: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.yml"
    path.write_bytes(text)
    refused(run(out, path), 2, *words)


def test_a_named_pipe_is_refused_at_once(out: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yml")
    refused(run(out, tmp_path / "pipe.yml"), 2, "not a benchmark file")


def test_a_directory_for_sessions_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(run(tmp_path / "file" / "sessions", FIRST), 2, "cannot keep session files in")


def test_a_full_disk_ends_the_execution_without_a_result(tmp_path: Path) -> None:
    finished = run(tmp_path, FIRST, REEV_ENHANCED_OTEL_FILE="/dev/full")
    refused(finished, 1, "cannot write the tool log", "No space left")


def test_a_benchmark_for_jupiter_is_not_runnable_here(out: Path, tmp_path: Path) -> None:
    path = tmp_path / "swap.yml"
    path.write_text(FIRST.read_text().replace("tags: [", 'tags: ["jupiter", ').replace("001-sol", "100-sol"))
    refused(run(out, path), 3, "100-sol-transfer", "Jupiter", "reev-runner with surfpool")


@pytest.mark.parametrize("number", ["100", "114", "116", "200", "300", "302", "304"])
def test_upstreams_own_benchmarks_beyond_004_are_refused(number: str, out: Path, real_data: Path) -> None:
    (path,) = (real_data / "benchmarks").glob(f"{number}-*.yml")
    refused(run(out, path), 3, path.stem)


@pytest.mark.parametrize("number", ["001", "002", "003", "004"])
def test_upstreams_first_four_execute(number: str, out: Path, real_data: Path) -> None:
    (path,) = (real_data / "benchmarks").glob(f"{number}-*.yml")
    score = {"003": "75.0%", "004": "78.6%"}.get(number, "100.0%")
    assert f"(Score: {score}): succeeded" in run(out, path).stdout


def test_an_agent_without_instructions_fails(out: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.yml"
    path.write_text(FIRST.read_text().replace("id: 001-sol-transfer", "id: 901-other"))
    refused(run(out, path), 4, "expected_instructions[0]", "not complete")


def test_an_answer_that_names_an_unknown_account_is_refused_before_any_tool_is_called(
    out: Path, tmp_path: Path
) -> None:
    path = tmp_path / "other.yml"
    text = (BENCHMARKS / "006-token-2022-transfer.yml").read_text().replace("006-", "906-")
    path.write_text(text.replace('{ pubkey: "RECIPIENT_POINTS_ACCOUNT"', '{ pubkey: "NOBODY_KNOWS"'))
    refused(run(out, path), 4, "no reference answer", "NOBODY_KNOWS")
