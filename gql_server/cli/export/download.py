"""Downloads an export: to standard output, or to a file that takes its name only when it is whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    FileSizeColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from gql_server.cli import graphql_client
from gql_server.cli.errors import CliError, ExitCode, wrong_use
from gql_server.cli.whole_files import whole_file
from runner_bridge.lazy_aiohttp import aiohttp

PART = 256 * 1024

SILENCE_S = 300.0
"""A server that has sent nothing for this long is gone: PostgreSQL may have to sort first."""


async def export(
    url: str, name: str, parameters: Sequence[tuple[str, str]], output: Path | None, *, force: bool
) -> int:
    """Writes the export `name`, such as executions.csv, of the server whose endpoint is `url`."""
    console = Console(stderr=True, highlight=False)
    address = urljoin(url, f"export/{name}")
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        *(FileSizeColumn(), TransferSpeedColumn(), TimeElapsedColumn()),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    counter = _Counter(name)
    with _target(output, force=force) as file, progress:
        bar = progress.add_task("", total=None)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=SILENCE_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=graphql_client.headers()) as client,
                client.get(address, params=parameters) as response,
            ):
                if response.status != 200:
                    raise await _refusal(response)
                async for part in response.content.iter_chunked(PART):
                    _write(file, part, output)
                    counter.add(part)
                    progress.update(bar, advance=len(part), description=counter.text)
        except aiohttp.ClientConnectorError:
            raise graphql_client.unreachable(url) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            what = "what was written is not whole" if output is None else f"{output} was not written"
            raise CliError(
                f"the connection to the server broke before the end: {what}", ExitCode.SERVER_FAILED
            ) from error
        _write(file, b"", output)
    if output is not None:
        console.print(f"{output}: {counter.text}{decimal(counter.bytes)}", soft_wrap=True)
    return 0


class _Counter:
    """Counts bytes and rows; the rows of Parquet cannot be counted from outside."""

    def __init__(self, name: str) -> None:
        self.bytes = 0
        self._is_csv, self._is_known = name.endswith(".csv"), not name.endswith(".parquet")
        self._rows = -1 if self._is_csv else 0
        self._is_quoted = 0

    def add(self, part: bytes) -> None:
        self.bytes += len(part)
        if self._is_csv:
            # A line may end within quotes; those that stand for themselves are two.
            pieces = part.split(b'"')
            self._rows += sum(piece.count(b"\n") for piece in pieces[self._is_quoted :: 2])
            self._is_quoted ^= (len(pieces) - 1) & 1
        elif self._is_known:
            self._rows += part.count(b"\n")

    @property
    def text(self) -> str:
        return f"{max(self._rows, 0):,} rows, " if self._is_known else ""


@contextmanager
def _target(output: Path | None, *, force: bool) -> Iterator[BinaryIO]:
    """What is written to; a file has its name after the block, and is removed when that raises."""
    if output is None:
        yield sys.stdout.buffer
        return
    target = Path(os.path.realpath(output))
    _check(target, output, force=force)
    try:
        with whole_file(str(target)) as file:
            yield file
            _check(target, output, force=force)
    except OSError as error:
        raise _cannot_write(output, error) from error


def _check(target: Path, output: Path, *, force: bool) -> None:
    """Raises CliError when `target` must not be replaced."""
    if target.exists() and not target.is_file():
        raise wrong_use(f"{output} is no file; leave out -o to write to standard output")
    if target.exists() and not force:
        raise wrong_use(f"{output} exists; --force replaces it")


def _write(file: BinaryIO, part: bytes, output: Path | None) -> None:
    """Writes and, without a part, flushes."""
    try:
        file.write(part)
        if not part:
            file.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _cannot_write(output, error) from error


def _cannot_write(output: Path | None, error: OSError) -> CliError:
    message = f"cannot write {output or 'to standard output'}: {error.strerror}"
    return CliError(message, ExitCode.SERVER_FAILED)


async def _refusal(response: aiohttp.ClientResponse) -> CliError:
    try:
        errors = (await response.json(content_type=None))["errors"]
        message = "; ".join(str(error["message"]) for error in errors)
    except (ValueError, KeyError, TypeError):
        message = f"the server answered {response.status}: is it a reev-gql of this version?"
    return CliError(message, ExitCode.SERVER_FAILED if response.status >= 500 else ExitCode.WRONG_USE)
