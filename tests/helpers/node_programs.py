"""Runs the JavaScript programs of tests/node, where node and their packages are installed (`make node`)."""

from __future__ import annotations

import asyncio
import json
import shutil
from asyncio.subprocess import PIPE
from typing import Any

import pytest

from tests.helpers.places import REPOSITORY

DIRECTORY = REPOSITORY / "tests" / "node"


async def run_node(script: str, *arguments: str) -> list[Any]:
    """The JSON objects that a script prints, one a line; the test is left out where it cannot run."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not on the PATH: clients and audits in JavaScript are not run")
    if not (DIRECTORY / "node_modules").is_dir():
        pytest.skip("`make node` was not run: clients and audits in JavaScript are not run")
    process = await asyncio.create_subprocess_exec(
        node, script, *arguments, cwd=DIRECTORY, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    return [json.loads(line) for line in out.splitlines()]
