"""Loads statements from files of named blocks: `-- name: adopt` begins `sql.load("executions")["adopt"]`."""

from __future__ import annotations

import functools
import re
from importlib import resources

_HEADER = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@functools.cache
def load(name: str) -> dict[str, str]:
    """The named blocks of `store/sql/{name}.sql`."""
    text = resources.files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return blocks(text, f"store/sql/{name}.sql")


def blocks(text: str, file: str) -> dict[str, str]:
    """The named blocks of `text`, which is that of `file`."""
    _, *parts = _HEADER.split(text)
    named = {block: body.strip() for block, body in zip(parts[::2], parts[1::2], strict=True)}
    if len(named) * 2 != len(parts):
        raise ValueError(f"{file} names a block twice")
    return named
