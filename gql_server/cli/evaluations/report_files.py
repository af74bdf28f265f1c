"""Files that a command reports into: checked before anything is started, and whole or not there at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from gql_server.cli.errors import CliError, ExitCode, wrong_use
from gql_server.cli.whole_files import whole_file


def check_writable(paths: Iterable[Path | None]) -> None:
    """Raises CliError for a file that could not be written now. An existing file will be replaced."""
    seen: set[str] = set()
    for path in paths:
        if path is None:
            continue
        try:
            target = os.path.realpath(path)
            if os.path.isdir(target):
                raise IsADirectoryError(0, "it is a directory")
            if _is_special(target):
                os.close(os.open(target, os.O_WRONLY | os.O_NONBLOCK))
            else:
                with suppress(FileNotFoundError):
                    os.stat(target)
                with tempfile.TemporaryFile(dir=os.path.dirname(target)):
                    pass
        except (OSError, ValueError) as error:
            raise wrong_use(f"{path} cannot be written: {_reason(error)}. Nothing was started") from error
        if target in seen:
            raise wrong_use(f"{path} is named for two reports; each needs a file of its own")
        seen.add(target)


def write(path: Path, text: str) -> None:
    """Replaces the file by `text` in one moment; a device or a pipe is written to. Raises CliError."""
    target = os.path.realpath(path)
    try:
        if _is_special(target):
            with open(target, "wb") as device:
                device.write(text.encode())
        else:
            with whole_file(target) as file:
                file.write(text.encode())
    except OSError as error:
        raise CliError(f"{path} cannot be written: {_reason(error)}", ExitCode.SERVER_FAILED) from error


def _is_special(target: str) -> bool:
    return os.path.exists(target) and not os.path.isfile(target)


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
