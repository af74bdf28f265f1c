"""Starts the fake LLM endpoint as a process, and reads what it was asked."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("fake_llm.py")


@dataclass
class FakeLlm:
    """An endpoint that listens at `port` of 127.0.0.1."""

    process: asyncio.subprocess.Process
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def request(self) -> dict[str, Any]:
        """The next request that arrived."""
        assert self.process.stdout is not None
        line: dict[str, Any] = json.loads(await self.process.stdout.readline())
        return line

    async def end(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.communicate()


@asynccontextmanager
async def fake_llm(mode: str = "ok") -> AsyncIterator[FakeLlm]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROGRAM), f"--mode={mode}"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    endpoint = FakeLlm(process, int(await process.stdout.readline()))
    try:
        yield endpoint
    finally:
        await endpoint.end()
