"""Lists: every condition of the contract has an option, pages follow each other, and rows fit their terminal."""

from __future__ import annotations

import datetime as dt
import inspect
import io
import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType
from rich.console import Console

from gql_server.cli.listings import commands
from gql_server.cli.views.rows import Rows, facts
from gql_server.cli.views.tables import print_sync
from gql_server.cli.views.texts import exact_moment, moment
from schema import build_schema
from tests.helpers.command_line import Server, cli

BENCHMARK = "001-sol-transfer"


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


@pytest.mark.parametrize(
    ("filter", "command", "named_otherwise"),
    [
        ("ExecutionFilter", commands.list_, set()),
        ("BenchmarkFilter", commands.list_benchmarks, {"includeArchived"}),
    ],
)
def test_every_condition_of_the_contract_has_an_option(
    filter: str, command: Any, named_otherwise: set[str]
) -> None:
    type_ = build_schema()._schema.type_map[filter]
    assert isinstance(type_, GraphQLInputObjectType)
    options = {camel(name) for name in inspect.signature(command).parameters}
    assert set(type_.fields) - named_otherwise <= options


@pytest.mark.parametrize(
    ("members", "name"),
    [
        (commands.Status, "ExecutionStatus"),
        (commands.Origin, "ExecutionOrigin"),
        (commands.Failure, "FailureKind"),
        (commands.OrderedBy, "ExecutionOrderField"),
    ],
)
def test_values_are_those_of_the_contract(members: type[StrEnum], name: str) -> None:
    type_ = build_schema()._schema.type_map[name]
    assert isinstance(type_, GraphQLEnumType)
    assert {member.name for member in members} == set(type_.values)
    assert all(member.value == member.name.lower().replace("_", "-") for member in members)


async def test_pages_and_filters_of_a_server(server: Server, tmp_path: Path) -> None:
    # The port is read at the import, which costs as much as all else: it is told once.
    by_url, by_port = {"REEV_GQL_URL": server.url}, {"REEV_GQL_PORT": str(server.port)}

    async def listed(
        *arguments: str, code: int = 0, address: dict[str, str] = by_url
    ) -> tuple[list[Any], str]:
        done = await cli("list", *arguments, "--json", cwd=tmp_path, **address)
        assert done.code == code, done.err
        return [json.loads(line) for line in done.out.splitlines()], done.err

    await cli("run", BENCHMARK, "--repeats", "3", "--watch", cwd=tmp_path, REEV_GQL_URL=server.url)
    all_, hint = await listed("--all", address=by_port)
    assert len(all_) == 3 and hint == ""
    page, hint = await listed("--first", "2")
    found = re.search(r"--after (\S+)", hint)
    assert page == all_[:2] and found is not None
    assert (await listed("--after", found[1]))[0] == all_[2:]
    assert (await listed("--by", "queued-at", "--ascending"))[0] == all_[::-1]

    every = (
        *(
            "--benchmark",
            BENCHMARK,
            "--agent",
            "deterministic",
            "--status",
            "succeeded",
            "--status",
            "failed",
        ),
        *("--solved", "--attempts", "--origin", "requested", "--text", BENCHMARK, "--since", "2000-01-01"),
        *("--until", str(dt.datetime.now(dt.UTC).date()), "--score-at-least", "1", "--score-at-most", "1"),
    )
    assert (await listed(*every))[0] == all_
    none = (
        *("--failure", "agent", "--failure", "runner-exit", "--tag", "nothing", "--benchmark-tag", "nothing"),
        *("--cost-at-least", "1", "--cost-at-most", "2", "--tokens-at-least", "1", "--tokens-at-most", "2"),
        *("--settings-hash", "0" * 64, "--search", "word", "--batch", all_[0]["id"]),
    )
    assert (await listed(*none))[0] == []
    assert (await listed("--not-solved"))[0] == (await listed("--no-attempts"))[0] == []
    assert (await listed("--until", "2000-01-01T12:00"))[0] == []
    assert "2026-01-31" in (await listed("--since", "yesterday", code=2))[1]
    assert "benchmarks list" in (await listed("benchmarks", "--agent", "x", code=2))[1]

    one = await cli("benchmarks", "list", "--id", BENCHMARK, "--json", "--server", server.url, cwd=tmp_path)
    assert [json.loads(line)["id"] for line in one.out.splitlines()] == [BENCHMARK]

    async def changed(*arguments: str, code: int = 0) -> list[Any]:
        done = await cli("benchmarks", *arguments, "--json", "--server", server.url, cwd=tmp_path)
        assert done.code == code, done.err
        return [json.loads(line) for line in done.out.splitlines()]

    # One that is not there keeps no other from being archived.
    [archived] = await changed("archive", "nothing", BENCHMARK, code=2)
    assert (archived["outcome"], archived["archiveReason"]) == ("ARCHIVED", "REQUESTED")
    assert await changed("list", "--id", BENCHMARK) == []
    assert len(await changed("list", "--id", BENCHMARK, "--archived")) == 1
    [restored] = await changed("restore", BENCHMARK)
    assert (restored["outcome"], restored["archivedAt"]) == ("UPDATED", None)
    again = await cli("benchmarks", "restore", BENCHMARK, "--server", server.url, cwd=tmp_path)
    assert again.out == f"{BENCHMARK} was not archived\n"
    nobody = await cli("agents", "list", "--text", "nobody", "--server", server.url, cwd=tmp_path)
    assert nobody.out == "There are no such agents.\n"
    alone = await cli("agents", "list", "--without-model", "--json", "--server", server.url, cwd=tmp_path)
    assert [json.loads(line)["name"] for line in alone.out.splitlines()] == ["deterministic"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REEV_GQL_PORT", "x"),
        ("REEV_GQL_PORT", "99999"),
        ("REEV_GQL_PORT", "0"),
        ("REEV_GQL_URL", "somewhere"),
        ("REEV_GQL_TOKEN", "t\u00f6ken"),
        ("REEV_GQL_TOKEN", "a\nb"),
    ],
)
async def test_a_wrong_setting_is_named(name: str, value: str, tmp_path: Path) -> None:
    done = await cli("list", cwd=tmp_path, **{name: value})
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert name in done.err


def text_of(thing: Any, width: int) -> str:
    file = io.StringIO()
    Console(file=file, width=width).print(thing)
    return file.getvalue()


CELLS = (
    "0f0e0d0c-0b0a-4908-8706-050403020100",
    BENCHMARK,
    "an-agent-with-a-longer-name",
    "SUCCEEDED",
    "0.75 (1.0 reported)",
    "2026-01-31 12:00:00",
)


@pytest.mark.parametrize("width", [200, 80, 60, 40])
def test_rows_tear_no_word_and_lose_nothing(width: int) -> None:
    rows = Rows("execution", "benchmark", "agent", "status", "score", "queued")
    rows.add_row(*CELLS)
    rows.add_row(*CELLS[:-1], "why " * 30 + "[bold]\nand more")
    printed = text_of(rows, width)
    assert all(len(line) <= width for line in printed.splitlines())
    words = printed.split()
    for word in " ".join(CELLS).split():
        assert words.count(word) == (1 if word in CELLS[-1].split() else 2), word
    assert words.count("why") == 30 and "[bold]" in words


def test_what_is_wider_than_the_terminal_is_folded_and_not_cut() -> None:
    rows = Rows("execution", "benchmark")
    rows.add_row(*CELLS[:2])
    for thing in (rows, facts([("execution", CELLS[0]), ("benchmark", CELLS[1])])):
        assert set(CELLS[0] + CELLS[1]) <= set(text_of(thing, 20))
        assert CELLS[0] in "".join(line.strip() for line in text_of(rows, 20).splitlines())


def test_a_sync_of_many_files_prints_what_is_not_as_it_was() -> None:
    same: dict[str, Any] = {
        "outcome": "UNCHANGED",
        "benchmarkId": "b",
        "error": None,
        "remarks": [],
        "staysArchived": False,
        "benchmark": None,
    }
    files = [{**same, "file": f"{number}.yml"} for number in range(2000)]
    counts = {
        "created": 0,
        "updated": 0,
        "unchanged": 1999,
        "archived": 0,
        "kept": 0,
        "failed": 1,
        "durationMs": 2100,
    }
    files[7] |= {"outcome": "FAILED", "error": {"message": "not YAML", "line": 2, "column": 1}}
    file = io.StringIO()
    print_sync(Console(file=file, width=60), {"files": files, **counts})
    *rows, summary = file.getvalue().splitlines()
    assert summary == "1999 of 2000 files: 1999 unchanged, 1 failed, in 2.1 s"
    printed = " ".join(" ".join(rows).split())
    assert len(rows) <= 4 and "7.yml FAILED" in printed and "line 2, column 1: not YAML" in printed
    files[8] |= {"staysArchived": True}
    print_sync(Console(file=file, width=60), {"files": files, **counts})
    assert "1 of them archived on request" in file.getvalue()


def test_a_time_has_its_date_unless_that_is_todays() -> None:
    at = dt.datetime(2026, 1, 31, 12, 0, 1, 234_000).astimezone()
    assert moment(at.isoformat(), at.date()) == "12:00:01"
    assert moment(at.isoformat(), dt.date(2026, 2, 1)) == "2026-01-31 12:00:01"
    assert exact_moment(at.isoformat(), at.date()) == "12:00:01.234"
    assert moment(None) == "-"
