"""Who uses the installed program: an ordinary user in a directory of their own."""

from __future__ import annotations

import asyncio
import re
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.installation.installation import Installation

WARNINGS = "error,ignore::SyntaxWarning,ignore:invalid escape sequence"
"""What others have written badly is told while it is compiled, and is not ours to mend."""

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "de_AT.UTF-8", "PYTHONWARNINGS": WARNINGS}


@dataclass
class Person:
    """Who uses the program: commands run in this directory, as this user where root can choose one."""

    installation: Installation
    directory: Path
    account: int | None
    settings: dict[str, str] = field(default_factory=dict)

    async def start(self, program: str, *arguments: str) -> Process:
        return await asyncio.create_subprocess_exec(
            *(str(self.installation.bin / program), *arguments),
            cwd=self.directory,
            env=ENVIRONMENT | self.installation.variables | self.settings,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            user=self.account,
            group=self.account,
            extra_groups=None if self.account is None else (),
        )

    async def run(self, program: str, *arguments: str) -> tuple[int | None, str, str]:
        """Exit code, output and error output."""
        process = await self.start(program, *arguments)
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()

    async def succeeds(self, *arguments: str) -> str:
        """What the command prints; it must succeed and complain about nothing."""
        code, out, err = await self.run("reev-gql", *arguments)
        assert (code, err) == (0, ""), out + err
        return out

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """A server, from its banner to Ctrl-C; yields what it prints until it is ready."""
        server = await self.start("reev-gql", "serve")
        assert server.stdout is not None and server.stderr is not None
        complaints = asyncio.ensure_future(server.stderr.read())
        banner = ""
        try:
            while "worker:" not in banner:
                line = await server.stdout.readline()
                assert line, (await complaints).decode()
                banner += line.decode()
            yield banner
        finally:
            if server.returncode is None:
                server.send_signal(signal.SIGINT)
            code, err = await server.wait(), (await complaints).decode()
        assert code == 0, err
        assert not re.search(r"Warning|Traceback|error", err), err
