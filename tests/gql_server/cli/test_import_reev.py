"""`reev-gql import-reev`, and the same over the API: reports, progress, refusals."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.helpers.command_line import cli
from tests.helpers.reev_databases import reev_writer, write_history
from tests.helpers.server import Server, running_server

BEGIN = """
mutation ($input: ImportReevDatabaseInput!) {
  importReevDatabase(input: $input) {
    __typename
    ... on Error { message code }
    ... on ImportReevDatabaseSuccess { import { id state } }
  }
}
"""

FOLLOW = """
subscription ($id: ID!) {
  reevImport(id: $id) {
    state problem rows rowsDone executions executionsAlreadyThere statuses { status count } endedAt
    tables { table rows made merged alreadyThere skipped reasons { what count } }
  }
}
"""

RECORD = (
    "query ($id: ID!) { execution(id: $id) { origin prompt importRecord { database rows rowIds remarks } } }"
)


async def follow(server: Server, path: Path, *, dry_run: bool = False) -> list[Any]:
    answer = await server.ask(BEGIN, input={"path": str(path), "dryRun": dry_run})
    begun = answer["importReevDatabase"]
    assert begun["__typename"] == "ImportReevDatabaseSuccess", begun
    async with server.watch(FOLLOW, id=begun["import"]["id"]) as items:
        return [item["reevImport"] async for item in items]


async def test_the_api_imports_with_progress_and_the_command_finds_it_there(
    database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "reev" / "db"
    folder.mkdir(parents=True)
    path = folder / "reev_results.db"
    ids = write_history(path, 30)
    settings = {"REEV_GQL_IMPORT_DIRS": str(tmp_path / "reev"), "DATABASE_URL": database_url}
    async with running_server(tmp_path, settings, "--no-worker") as server:
        [*_, dry] = await follow(server, path, dry_run=True)
        assert (dry["state"], dry["executions"]) == ("COMPLETED", 30)
        *progress, last = await follow(server, path)
        assert [item["state"] for item in progress] == ["RUNNING"] * len(progress) and progress
        assert (last["state"], last["problem"], last["executions"]) == ("COMPLETED", None, 30)
        assert last["endedAt"] is not None and last["rows"] == last["rowsDone"] > 0
        assert last["statuses"] == [{"status": "SUCCEEDED", "count": 30}]
        made = {table["table"]: (table["rows"], table["made"], table["merged"]) for table in last["tables"]}
        assert made["execution_states"] == (30, 30, 0) and made["session_tool_calls"] == (60, 0, 60)

        execution = (await server.ask(RECORD, id=ids[3]))["execution"]
        assert execution["origin"] == "IMPORTED"
        assert execution["importRecord"]["database"] == str(path)
        assert execution["importRecord"]["rows"]["execution_states"][0]["execution_id"] == ids[3]
        assert execution["importRecord"]["rowIds"]["session_tool_calls"] == [7, 8]

        # The command needs no server: it opens the same database.
        again = await cli("import-reev", str(path), cwd=tmp_path, DATABASE_URL=database_url)
        assert (again.code, again.err) == (0, "")
        assert re.search(r"session_tool_calls +60 +- +- +60", again.out), again.out
        assert "Made 0 executions; 30 were there already" in again.out

        for refused, code in (("/etc/passwd", "IMPORT_DIRECTORY"), (f"{folder}/../db/x", "IMPORT_DIRECTORY")):
            answer = (await server.ask(BEGIN, input={"path": refused}))["importReevDatabase"]
            assert answer["code"] == code and "REEV_GQL_IMPORT_DIRS" in answer["message"]
        (folder / "link.db").symlink_to(tmp_path / "outside.db")
        write_history(tmp_path / "outside.db", 1)
        for name, said in (("none.db", "There is no file"), ("link.db", "symbolic link")):
            [*_, failed] = await follow(server, folder / name)
            assert failed["state"] == "FAILED" and said in failed["problem"]


async def test_the_command_takes_several_files_and_says_which_it_could_not_read(
    database_url: str, tmp_path: Path
) -> None:
    write_history(tmp_path / "one.db", 2)
    with reev_writer(tmp_path / "one.db") as writer:
        writer.add("benchmarks", id="1" * 32, benchmark_name="broken", prompt="p", content="id: [")
    write_history(tmp_path / "old.db", 3, "2025-10-13")
    (tmp_path / "text.db").write_text("hello")
    files = ("one.db", "text.db", "old.db")
    none = await cli("import-reev", *files, "nope.db", cwd=tmp_path, DATABASE_URL=database_url)
    assert (none.code, none.out) == (2, "") and "no file nope.db; nothing was imported" in none.err
    dry = await cli("import-reev", *files, "--dry-run", cwd=tmp_path, DATABASE_URL=database_url)
    assert dry.code == 1 and "is no SQLite database" in dry.err
    assert dry.out.count("Nothing was written") == 2 and "Would make 2 executions (2 SUCCEEDED)" in dry.out
    done = await cli("import-reev", "one.db", "old.db", "--json", cwd=tmp_path, DATABASE_URL=database_url)
    assert (done.code, done.err) == (0, "")
    one, old = map(json.loads, done.out.splitlines())
    assert (one["executions"], one["statuses"], one["dryRun"]) == (2, {"SUCCEEDED": 2}, False)
    assert old["executions"] == 1, "two of them are in both databases"
    assert {table["table"]: table["read"] for table in old["tables"]}["results"] == 3
    [definitions] = [table for table in one["tables"] if table["table"] == "benchmarks"]
    assert (definitions["made"], definitions["skipped"], len(definitions["reasons"])) == (1, 1, 1)
