"""The installed program in an empty directory, used from the first command to Ctrl-C.

By an ordinary user, in a path with a space, in a locale that the machine does not have, and with every warning
an error.
"""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import re
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.helpers.browser import browser_page
from tests.helpers.places import REPOSITORY
from tests.installation.conftest import Installation
from tests.installation.steps import public_python

pytestmark = pytest.mark.timeout(300)

BENCHMARKS = sorted(path.name for path in (REPOSITORY / "benchmarks").iterdir())
WARNINGS = "error,ignore::SyntaxWarning,ignore:invalid escape sequence"
"""What others have written badly is told while it is compiled, and is not ours to mend."""

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "de_AT.UTF-8", "PYTHONWARNINGS": WARNINGS}
API_LINE = re.compile(r"^API: (http://127\.0\.0\.1:\d+)/graphql$", re.MULTILINE)


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


@pytest.fixture
def person(installation: Installation, request: pytest.FixtureRequest) -> Callable[[str], Person]:
    """Makes somebody with an empty directory."""

    def make(name: str) -> Person:
        directory = installation.root / name
        directory.mkdir()
        account = None
        if os.geteuid() == 0 and public_python() is not None:
            account = pwd.getpwnam("nobody").pw_uid
            os.chown(directory, account, account)
        return Person(installation, directory, account)

    return make


def health_check() -> list[str]:
    """The command of the image's HEALTHCHECK."""
    match = re.search(
        r"^HEALTHCHECK .*\n +CMD (\[.*\])$", (REPOSITORY / "Dockerfile").read_text(), re.MULTILINE
    )
    assert match is not None
    return list(json.loads(match[1]))


async def test_from_an_empty_directory_to_a_result_and_a_clean_end(person: Callable[[str], Person]) -> None:
    user = person("first use")
    user.settings["REEV_GQL_PORT"] = "0"
    async with user.serving() as banner:
        match = API_LINE.search(banner)
        assert match is not None
        url = match[1]
        assert f"{len(BENCHMARKS)} created · {len(BENCHMARKS)} files written to " in banner
        assert sorted(path.name for path in (user.directory / "benchmarks").iterdir()) == BENCHMARKS

        result = await user.succeeds("run", "001-sol-transfer", "--watch", "--url", f"{url}/graphql")
        assert "SUCCEEDED  solved  score 1.0" in result
        assert "problem" not in await user.succeeds("doctor")
        program, *arguments = health_check()
        user.settings["REEV_GQL_PORT"] = url.rpartition(":")[2]
        assert await user.run(program, *arguments) == (0, "", "")

        async with aiohttp.ClientSession() as client, client.get(url) as answer:
            assert answer.status == 200
        async with browser_page(url) as watched:
            await watched.page.get_by_text("001-sol-transfer").first.wait_for()
            assert watched.complaints == []
    assert (await user.run(program, *arguments))[0] != 0
    assert [process for process in psutil.process_iter(["cmdline"]) if _concerns(process, user)] == []


def _concerns(process: psutil.Process, user: Person) -> bool:
    return any(str(user.directory) in argument for argument in process.info["cmdline"] or ())


async def test_help_and_init_need_nothing_and_init_overwrites_nothing(
    person: Callable[[str], Person],
) -> None:
    user = person("beginner")
    assert "serve" in await user.succeeds("--help")
    assert list(user.directory.iterdir()) == []
    assert f"{len(BENCHMARKS)} benchmarks written, 0 were there" in await user.succeeds("init")
    mine = user.directory / "benchmarks" / BENCHMARKS[0]
    mine.write_text("mine")
    (user.directory / "benchmarks" / BENCHMARKS[1]).unlink()
    lines = [json.loads(line) for line in (await user.succeeds("init", "--json")).splitlines()]
    written = [Path(line["file"]).name for line in lines if line["outcome"] == "WRITTEN"]
    assert written == [BENCHMARKS[1]] and len(lines) == len(BENCHMARKS)
    assert mine.read_text() == "mine"
    user.settings["REEV_GQL_BENCHMARKS_DIR"] = "/proc/none"
    assert await user.run("reev-gql", "init") == (
        1,
        "",
        "reev-gql: /proc/none cannot be written: No such file or directory\n",
    )
