"""`reev-gql export`: the file is whole or not there, whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pyarrow.parquet
import pytest
from aiohttp import web
from typer.testing import CliRunner

from gql_server.cli.commands import app
from gql_server.cli.errors import CliError
from gql_server.cli.export import download
from gql_server.cli.export.command import Exported, ExportFormat
from gql_server.export.exporting import Format
from store.export.columns import What
from tests.helpers import hard_rows
from tests.helpers.command_line import cli, environment, start_cli
from tests.helpers.patience import DEADLINE_S, until
from tests.helpers.places import REPOSITORY
from tests.helpers.site import Site

ROW = b'a,"x\ny"\n'


def test_the_command_offers_what_the_server_has() -> None:
    assert [*Exported] == [*What]
    assert [*ExportFormat] == [*Format]


async def test_files_are_written_whole_and_replaced_only_when_told(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await hard_rows.fill(site.db)
    monkeypatch.chdir(tmp_path)
    url, plain = f"{site.base}/graphql", [("agents", "plain")]
    at = ("--url", url)
    shown = await cli("export", "executions", "agents=plain", *at, cwd=tmp_path)
    assert (shown.code, shown.err) == (0, "")
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        assert await download.export(url, f"executions.{name[2:]}", plain, Path(name), force=False) == 0
        told = capsys.readouterr()
        assert (told.out, "14 rows" in told.err) == ("", name != "a.parquet")
    assert (tmp_path / "a.csv").read_text() == shown.out
    assert len(pyarrow.parquet.read_table(io.BytesIO((tmp_path / "a.parquet").read_bytes()))) == 14
    with pytest.raises(CliError, match="--force"):
        await download.export(url, "events.csv", [], Path("a.csv"), force=False)
    assert (tmp_path / "a.csv").read_text() == shown.out
    await download.export(url, "messages.csv", [], Path("a.csv"), force=True)
    assert "a.csv: 0 rows" in capsys.readouterr().err
    for says, parameters, output in (
        ("is no parameter", [("nope", "1")], "b.csv"),
        ("No such file", plain, "nowhere/b.csv"),
        ("is no file", plain, "."),
    ):
        with pytest.raises(CliError, match=says):
            await download.export(url, "executions.csv", parameters, Path(output), force=True)
    # A limit for the size of files is like a full disk, for this command alone.
    full = await asyncio.create_subprocess_exec(
        *("sh", "-c", 'ulimit -f 1; exec "$@"', "sh", sys.executable, "-m", "gql_server"),
        *("export", "executions", "-o", str(tmp_path / "full.jsonl"), *at),
        cwd=REPOSITORY,
        env=environment(),
        stderr=PIPE,
    )
    _, said = await full.communicate()
    assert (full.returncode, b"cannot write" in said, b"Traceback" in said) == (3, True, False)
    assert set(os.listdir()) == {"a.csv", "a.jsonl", "a.parquet"}


def test_wrong_use_is_told_before_anything_is_asked() -> None:
    for says, *arguments in (
        ("NAME=VALUE", "executions", "agents"),
        ("b.txt", "executions", "-o", "b.txt"),
        ("xml", "executions", "--format", "xml"),
        ("benchmarks", "benchmarks"),
    ):
        done = CliRunner().invoke(app, ["export", *arguments])
        assert (done.exit_code, says in done.output) == (2, True), done.output


@contextlib.asynccontextmanager
async def serving(send: Callable[[web.StreamResponse], Awaitable[None]]) -> AsyncIterator[str]:
    """A server that begins an export and goes on as `send` does."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"name,text\n" + ROW * 1000)
        await send(response)
        if request.transport is not None:
            request.transport.abort()
        return response

    app = web.Application()
    app.router.add_get("/export/executions.csv", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/graphql"
    finally:
        await runner.cleanup()


async def test_a_connection_that_breaks_leaves_no_file(tmp_path: Path) -> None:
    async def break_off(_: web.StreamResponse) -> None:
        pass

    target = tmp_path / "a.csv"
    async with serving(break_off) as url:
        with pytest.raises(CliError, match="broke before the end"):
            await download.export(url, "executions.csv", [], target, force=False)
        assert os.listdir(tmp_path) == []
        target.write_text("from before")
        with pytest.raises(CliError, match="broke before the end"):
            await download.export(url, "executions.csv", [], target, force=True)
    assert os.listdir(tmp_path) == ["a.csv"]
    assert target.read_text() == "from before"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interruption_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    gone = asyncio.Event()

    async def wait(_: web.StreamResponse) -> None:
        await gone.wait()

    async with serving(wait) as url:
        process = await start_cli(
            "export", "executions", "-o", "a.csv", "--url", url, cwd=tmp_path, stderr=PIPE
        )
        await until(lambda: os.listdir(tmp_path) != [])
        process.send_signal(number)
        async with asyncio.timeout(DEADLINE_S):
            _, said = await process.communicate()
        gone.set()
    assert (process.returncode, said) == (130, b"")
    assert os.listdir(tmp_path) == []


def test_rows_are_counted_whatever_is_quoted() -> None:
    text = b"name,text\n" + ROW * 10 + b'"a ""b""\n",\n'
    for size in (1, 3, len(text)):
        counter = download._Counter("executions.csv")
        for start in range(0, len(text), size):
            counter.add(text[start : start + size])
        assert counter.text == "11 rows, "
