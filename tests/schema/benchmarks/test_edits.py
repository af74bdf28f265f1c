"""The mutations that change one benchmark, and the check that tells before what they would do."""

from __future__ import annotations

from typing import Any

from runner_bridge.launchers.runner_config import RunnerConfig
from store.postgres.database import Database
from tests.helpers.samples import queued, transfer_yaml

CHECK = """
query ($source: String!) {
  checkBenchmark(source: $source) {
    ... on CheckBenchmarkSuccess { outcome revision file isInFile whyNotStored whyNotWritten }
  }
}
"""
UPSERT = """
mutation ($input: UpsertBenchmarkInput!) {
  upsertBenchmark(input: $input) {
    ... on UpsertBenchmarkSuccess { outcome writtenFile benchmark { revision sourcePath archiveReason } }
    ... on BenchmarkFileError { file }
    ... on BenchmarkChangedError { revision }
    ... on Error { message code }
  }
}
"""
ARCHIVE = """
mutation ($id: ID!) {
  archiveBenchmark(input: {benchmarkId: $id}) {
    ... on ArchiveBenchmarkSuccess { outcome benchmark { archiveReason archivedAt } }
    ... on Error { message code }
  }
}
"""
RESTORE = """
mutation ($id: ID!, $writeFile: Boolean!) {
  restoreBenchmark(input: {benchmarkId: $id, writeFile: $writeFile}) {
    ... on RestoreBenchmarkSuccess { outcome writtenFile benchmark { archiveReason archivedAt } }
    ... on BenchmarkFileError { file }
    ... on Error { message code }
  }
}
"""
SYNC = "mutation { syncBenchmarks { ... on SyncBenchmarksSuccess { files { file outcome staysArchived } } } }"
RUN = """
mutation { runBenchmark(input: {benchmarkId: "transfer", agent: "deterministic"}) {
  ... on Error { message code }
} }
"""
OTHER = transfer_yaml().replace("tenth", "fifth")


async def test_an_edit_of_a_benchmark_in_a_file_says_its_file_and_is_written_there(
    runner: RunnerConfig, ask: Any
) -> None:
    file = runner.benchmarks_dir / "transfer.yml"
    file.write_text(transfer_yaml())
    await ask(SYNC)
    check = (await ask(CHECK, source=OTHER))["checkBenchmark"]
    assert check["whyNotStored"] and "'transfer.yml'" in check["whyNotStored"]
    expected = {"outcome": "UPDATED", "revision": 1, "file": "transfer.yml", "isInFile": True}
    assert check == {**expected, "whyNotStored": check["whyNotStored"], "whyNotWritten": None}

    refused = (await ask(UPSERT, input={"source": OTHER}))["upsertBenchmark"]
    assert (refused["code"], refused["file"]) == ("BENCHMARK_IN_FILE", "transfer.yml")
    assert refused["message"] == check["whyNotStored"]
    wanted = {"source": OTHER, "writeFile": True, "baseRevision": 1}
    stored = (await ask(UPSERT, input=wanted))["upsertBenchmark"]
    assert stored == {
        **{"outcome": "UPDATED", "writtenFile": "transfer.yml"},
        "benchmark": {"revision": 2, "sourcePath": "transfer.yml", "archiveReason": None},
    }
    assert file.read_text() == OTHER
    conflict = (await ask(UPSERT, input={**wanted, "source": transfer_yaml()}))["upsertBenchmark"]
    assert (conflict["code"], conflict["revision"]) == ("BENCHMARK_CHANGED", 2)
    file.write_text("id: transfer # by hand\n")
    unknown = (await ask(UPSERT, input={**wanted, "source": transfer_yaml(), "baseRevision": 2}))[
        "upsertBenchmark"
    ]
    assert (unknown["code"], unknown["file"]) == ("BENCHMARK_FILE_NOT_WRITTEN", "transfer.yml")


async def test_archived_and_restored_with_the_reason_shown_wherever_it_is_read(
    db: Database, runner: RunnerConfig, ask: Any
) -> None:
    file = runner.benchmarks_dir / "transfer.yml"
    file.write_text(transfer_yaml())
    await ask(SYNC)
    execution = await queued(db)
    archived = (await ask(ARCHIVE, id="transfer"))["archiveBenchmark"]
    assert (archived["outcome"], archived["benchmark"]["archiveReason"]) == ("ARCHIVED", "REQUESTED")
    assert (await ask(ARCHIVE, id="transfer"))["archiveBenchmark"]["outcome"] == "UNCHANGED"
    assert (await ask(RUN))["runBenchmark"]["code"] == "BENCHMARK_NOT_FOUND"
    assert "on request" in (await ask(RUN))["runBenchmark"]["message"]
    [synced] = (await ask(SYNC))["syncBenchmarks"]["files"]
    assert synced == {"file": "transfer.yml", "outcome": "UNCHANGED", "staysArchived": True}

    # The row, the list in JSON, the list of rows, and the benchmark of an execution.
    read = await ask(
        """query ($id: ID!) {
          one: benchmark(id: "transfer") { archiveReason }
          json: benchmarks(filter: {includeArchived: true}) { nodes { archiveReason } }
          rows: benchmarks(filter: {includeArchived: true}) { edges { node { archiveReason } } }
          execution(id: $id) { benchmark { archiveReason } }
          hidden: benchmarks { nodes { id } }
        }""",
        id=str(execution.id),
    )
    reason = {"archiveReason": "REQUESTED"}
    assert read == {
        "one": reason,
        "json": {"nodes": [reason]},
        "rows": {"edges": [{"node": reason}]},
        "execution": {"benchmark": reason},
        "hidden": {"nodes": []},
    }

    file.unlink()
    refused = (await ask(RESTORE, id="transfer", writeFile=False))["restoreBenchmark"]
    assert (refused["code"], refused["file"]) == ("BENCHMARK_IN_FILE", "transfer.yml")
    restored = (await ask(RESTORE, id="transfer", writeFile=True))["restoreBenchmark"]
    assert restored == {
        **{"outcome": "UPDATED", "writtenFile": "transfer.yml"},
        "benchmark": {"archiveReason": None, "archivedAt": None},
    }
    assert file.read_text() == transfer_yaml()
    assert (await ask(RESTORE, id="nothing", writeFile=True))["restoreBenchmark"]["code"] == (
        "BENCHMARK_NOT_FOUND"
    )
    assert (await ask(ARCHIVE, id="../../etc/passwd"))["archiveBenchmark"]["code"] == "INVALID_INPUT"
