"""The installed program in an empty directory, used from the first command to Ctrl-C.

By an ordinary user, in a path with a space, in a locale that the machine does not have, and with every warning
an error.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.helpers.browser import browser_page
from tests.helpers.places import REPOSITORY
from tests.installation.person import Person

pytestmark = pytest.mark.timeout(300)

BENCHMARKS = sorted(path.name for path in (REPOSITORY / "benchmarks").iterdir())
API_LINE = re.compile(r"^API: (http://127\.0\.0\.1:\d+)/graphql$", re.MULTILINE)


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
        findings = await user.succeeds("doctor")
        assert "problem" not in findings
        # The machine's own pg_dump may be too old for the embedded PostgreSQL.
        [backup] = re.findall(r"^✓ backup +while a server runs: (.+)$", findings, re.MULTILINE)
        assert (await user.run(*shlex.split(backup)))[0] == 0
        assert (user.directory / "reev-gql.dump").read_bytes().startswith(b"PGDMP")
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
