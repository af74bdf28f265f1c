"""Parquet, made by a process of its own from the rows that PostgreSQL writes (see parquet_program)."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

from gql_server.export.body import Body
from gql_server.responses.errors import BadRequest
from runner_bridge.processes import own_python
from store.export.columns import Column

PROGRAM = "gql_server.export.parquet_program"

BLOCK = 1024 * 1024
"""Bytes of rows that are handed over at once."""

READ = 128 * 1024

INHERITED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH")
"""The variables that the process gets: no secrets."""


class ParquetFailed(Exception):
    """The process ended without the whole file; the message is the end of what it printed."""


def check_installed() -> None:
    """Raises BadRequest (501) without pyarrow."""
    if importlib.util.find_spec("pyarrow") is None:
        raise BadRequest(
            "Parquet needs the extra `parquet` on the server: pip install 'reev-gql[parquet]'; "
            "csv and jsonl need nothing",
            code="FORMAT_NOT_INSTALLED",
            status=HTTPStatus.NOT_IMPLEMENTED,
        )


class ParquetFile:
    """Takes rows as CSV without a header, and adds the file to a body as it is made."""

    def __init__(self, process: Process, body: Body) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ValueError("the process needs three pipes")
        self._process, self._body = process, body
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._collected: list[bytes] = []
        self._size = 0
        self._passing_on = asyncio.create_task(self._pass_on(), name="parquet")

    async def add(self, rows: bytes) -> None:
        """Adds whole rows. Raises ParquetFailed and what the body raises."""
        self._collected.append(rows)
        self._size += len(rows)
        if self._size >= BLOCK:
            await self._hand_over()

    async def end(self) -> None:
        """Waits until all of it is in the body. Raises as `add`."""
        if self._collected:
            await self._hand_over()
        await self._write(_length(0))
        await self._passing_on
        if await self._process.wait():
            raise await self._failure()

    async def close(self) -> None:
        """Ends the process if it still runs."""
        self._passing_on.cancel()
        await asyncio.gather(self._passing_on, return_exceptions=True)
        self._kill()
        await self._process.wait()

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()

    async def _hand_over(self) -> None:
        block = b"".join(self._collected)
        self._collected, self._size = [], 0
        await self._write(_length(len(block)) + block)

    async def _write(self, data: bytes) -> None:
        try:
            self._stdin.write(data)
            await self._stdin.drain()
        except ConnectionError:
            # Where the client has left, this says so.
            await self._passing_on
            raise await self._failure() from None

    async def _pass_on(self) -> None:
        try:
            while part := await self._stdout.read(READ):
                await self._body.add(part)
        except BaseException:
            # Else it would wait for a reader, and whoever gives it rows for it.
            self._kill()
            raise

    async def _failure(self) -> ParquetFailed:
        self._kill()
        return ParquetFailed((await self._stderr.read()).decode(errors="replace")[-2000:])


@asynccontextmanager
async def parquet_file(columns: Sequence[Column], body: Body) -> AsyncIterator[ParquetFile]:
    """A file with these columns; its process is ended with the block."""
    process = await asyncio.create_subprocess_exec(
        *own_python.run_module(PROGRAM),
        json.dumps([(column.name, column.kind.value) for column in columns]),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env={
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            **own_python.ENVIRONMENT,
        },
    )
    file = ParquetFile(process, body)
    try:
        yield file
    finally:
        await file.close()


def _length(size: int) -> bytes:
    return size.to_bytes(4, "big")
