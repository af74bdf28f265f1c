"""Parser processes: what is asked is answered or known to be lost, and none of them outlives who asked."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runner_bridge.benchmarks import files
from runner_bridge.benchmarks.parsing import Batch, BenchmarkFile, parse_files
from runner_bridge.benchmarks.sync import sync_benchmarks
from runner_bridge.formats.errors import FormatError
from runner_bridge.parsing import parser_processes
from runner_bridge.parsing.parser_processes import PROGRAM, ParserLost, ParserProcesses
from store.postgres.database import Database
from tests.helpers.samples import transfer_yaml

ASKER = """
import asyncio, sys, tests.runner_bridge.parsing.test_parser_processes as there
from runner_bridge.parsing.parser_processes import ParserProcesses
async def main():
    async with ParserProcesses() as processes, processes.lease() as process:
        print(await process.call(there.pid), flush=True)
        await asyncio.sleep(3600)
asyncio.run(main())
"""


def pid() -> int:
    return os.getpid()


def refuse() -> None:
    raise FormatError("not this one", source="a.yml", line=3)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def never() -> None:
    """Gives no answer, for as long as there is somebody to wait for it."""
    asker = os.getppid()
    while os.getppid() == asker:
        time.sleep(0.1)


def die_or_parse(batch: Batch) -> list[BenchmarkFile]:
    """Parses here, dies in a parser process."""
    if PROGRAM in " ".join(psutil.Process().cmdline()):
        die()
    return parse_files(batch)


@pytest.fixture
def alone() -> Iterator[None]:
    yield
    ours = [child for child in psutil.Process().children() if _is_parser(child)]
    assert ours == []


def _is_parser(process: psutil.Process) -> bool:
    try:
        return PROGRAM in process.cmdline()
    except psutil.NoSuchProcess:
        return False


async def test_answers_and_errors_come_back_as_they_are(alone: None) -> None:
    async with ParserProcesses() as processes:
        async with processes.lease() as process:
            first = await process.call(pid)
            assert first != os.getpid()
            assert await process.call(pid) == first
        with pytest.raises(FormatError, match="not this one") as caught:
            async with processes.lease() as process:
                await process.call(refuse)
        assert (caught.value.source, caught.value.line) == ("a.yml", 3)


async def test_one_that_dies_is_told_and_another_takes_its_place(alone: None) -> None:
    async with ParserProcesses() as processes:
        for _ in range(processes.count + 1):
            with pytest.raises(ParserLost):
                async with processes.lease() as process:
                    await process.call(die)
        async with processes.lease() as process:
            assert await process.call(pid) > 0


async def test_one_that_hangs_is_told_and_ended(alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser_processes, "ANSWER_S", 0.05)
    async with ParserProcesses() as processes:
        with pytest.raises(ParserLost, match="did not answer"):
            async with processes.lease() as process:
                await process.call(never)


async def test_one_that_cannot_be_started_is_told(alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    async with ParserProcesses() as processes:
        with pytest.raises(ParserLost, match="No such file"):
            async with processes.lease() as process:
                await process.call(pid)


async def test_a_cancelled_asker_leaves_none_behind(alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where nobody ends them, this test is not to wait for what it asked for.
    monkeypatch.setattr(parser_processes, "ANSWER_S", 10.0)
    monkeypatch.setattr(parser_processes, "END_S", 0.5)
    asked = asyncio.Event()

    async def ask() -> None:
        async with ParserProcesses() as processes, processes.lease() as process:
            await process.call(pid)
            asked.set()
            await process.call(never)

    task = asyncio.create_task(ask())
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_they_end_with_an_asker_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", ASKER], stdout=subprocess.PIPE, text=True) as asker:
        assert asker.stdout is not None
        parser = psutil.Process(int(asker.stdout.readline()))
        assert _is_parser(parser)
        asker.kill()
    parser.wait(timeout=10)


def test_they_are_told_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not {"DATABASE_URL", "HOME"} & set(parser_processes.ENVIRONMENT)
    assert not [name for name in parser_processes.ENVIRONMENT if name.startswith("REEV")]


async def test_no_file_is_lost_with_the_processes_that_parse_it(
    db: Database, tmp_path: Path, alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        (tmp_path / f"b{number:02}.yml").write_text(transfer_yaml(f"b{number:02}"))
    (tmp_path / "bad.yml").write_text("id: bad\nid: bad\n")
    monkeypatch.setattr(files, "PROCESSES_FROM_BYTES", 4_000)
    monkeypatch.setattr(files, "BATCH_BYTES", 2_000)
    dry = await sync_benchmarks(db, tmp_path, dry_run=True)
    monkeypatch.setattr(files, "parse_files", die_or_parse)
    report = await sync_benchmarks(db, tmp_path)
    assert [(file.file, file.outcome) for file in report.files] == [
        *((f"b{number:02}.yml", "CREATED") for number in range(40)),
        ("bad.yml", "FAILED"),
    ]
    assert report.files[-1].error is not None and report.files[-1].error.line == 2
    assert [(file.file, file.outcome, file.benchmark_id) for file in dry.files] == [
        (file.file, file.outcome, file.benchmark_id) for file in report.files
    ]
