"""Files that are whole or not there: what is written takes its name in one moment, at the end."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO


@contextmanager
def whole_file(target: str) -> Iterator[BinaryIO]:
    """What is written in the block replaces `target` after it; nothing happens when the block raises.

    `target` is a real path. Raises OSError.
    """
    # A name of its own and not that of the target, which may be as long as a name can be.
    handle, unfinished = tempfile.mkstemp(prefix=".reev-gql-", suffix=".part", dir=os.path.dirname(target))
    try:
        with open(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(unfinished, _mode(target))
        os.replace(unfinished, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(unfinished)
        raise


def _mode(target: str) -> int:
    """Of the file that is replaced, else as the process makes new files."""
    with suppress(OSError):
        return os.stat(target).st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
