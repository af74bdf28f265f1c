"""Synchronising a directory: a bad file affects no other, and a second sync writes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from runner_bridge.benchmarks import files, parsing, sync
from runner_bridge.benchmarks.directory import BenchmarksDirectory
from runner_bridge.benchmarks.editing import restore, store_definition
from runner_bridge.benchmarks.sync import FileReport, SyncReport, sync_benchmarks
from runner_bridge.errors import BenchmarksDirectoryError
from runner_bridge.formats.errors import FormatError
from store.benchmarks import benchmarks
from store.model import BenchmarkId, StoredFile, SyncOutcome
from store.postgres.database import Database
from tests.helpers.bridge import SOL_TRANSFER, upsert_benchmark
from tests.helpers.places import REPOSITORY

CREATED, UPDATED, UNCHANGED = SyncOutcome.CREATED, SyncOutcome.UPDATED, SyncOutcome.UNCHANGED
ARCHIVED, FAILED = SyncOutcome.ARCHIVED, SyncOutcome.FAILED


def definition(benchmark_id: str, prompt: str = "Send it.") -> str:
    return (
        f"id: {benchmark_id}\ndescription: One transfer.\ntags: [transfer]\nprompt: {prompt}\n"
        "initial_state:\n  - pubkey: USER_WALLET_PUBKEY\n    owner: '11111111111111111111111111111111'\n"
        "    lamports: 1000000000\nground_truth:\n  final_state_assertions: []\n"
    )


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.yml").write_text(definition(name))
    return tmp_path


def outcomes(report: SyncReport) -> dict[str, SyncOutcome]:
    return {file.file: file.outcome for file in report.files}


def of(report: SyncReport, name: str) -> FileReport:
    return next(file for file in report.files if file.file == name)


async def writes(db: Database) -> int:
    """The rows this database has ever inserted, updated or deleted in the benchmark tables."""
    return int(
        await db.fetchval(
            "SELECT (SELECT sum(xmin::text::bigint) FROM benchmarks)"
            " + (SELECT sum(xmin::text::bigint) FROM benchmark_revisions)"
        )
    )


async def test_files_are_created_once_and_a_second_sync_writes_nothing(db: Database, directory: Path) -> None:
    first = await sync_benchmarks(db, directory)
    assert outcomes(first) == {"a.yml": CREATED, "b.yml": CREATED, "c.yml": CREATED}
    before = await writes(db)
    second = await sync_benchmarks(db, directory)
    assert set(outcomes(second).values()) == {UNCHANGED}
    assert await writes(db) == before


async def test_changes_make_revisions_and_what_is_gone_is_archived_and_comes_back(
    db: Database, directory: Path
) -> None:
    await sync_benchmarks(db, directory)
    (directory / "a.yml").write_text(definition("a", "Send more."))
    (directory / "b.yml").unlink()
    report = await sync_benchmarks(db, directory)
    assert outcomes(report) == {"a.yml": UPDATED, "b.yml": ARCHIVED, "c.yml": UNCHANGED}
    assert of(report, "b.yml").benchmark_id == "b"
    changed = await benchmarks.get(db, BenchmarkId("a"))
    assert changed is not None and (changed.revision, changed.prompt) == (2, "Send more.")
    former = await benchmarks.get(db, BenchmarkId("a"), 1)
    assert former is not None and former.prompt == "Send it."
    (directory / "b.yml").write_text(definition("b"))
    assert outcomes(await sync_benchmarks(db, directory))["b.yml"] is UPDATED


@pytest.mark.parametrize(
    ("content", "line", "column"),
    [
        (b"", None, None),
        (b"just words", 1, 1),
        (b"id: a\nid: a\n", 2, 1),
        (b"id: a\n\tdescription: x\n", 2, 1),
        (definition("a").replace("lamports: 1000000000", "lamports: many").encode(), 8, None),
        (b"\xff\xfe\x00garbage", None, None),
    ],
)
async def test_a_bad_file_is_named_with_its_place_and_keeps_its_former_version(
    db: Database, directory: Path, content: bytes, line: int | None, column: int | None
) -> None:
    await sync_benchmarks(db, directory)
    (directory / "a.yml").write_bytes(content)
    (directory / "d.yml").write_text(definition("d"))
    report = await sync_benchmarks(db, directory)
    assert outcomes(report) == {"a.yml": FAILED, "b.yml": UNCHANGED, "c.yml": UNCHANGED, "d.yml": CREATED}
    error = of(report, "a.yml").error
    assert error is not None and error.message and error.source == "a.yml"
    assert line is None or error.line == line
    assert column is None or error.column == column
    kept = await benchmarks.get(db, BenchmarkId("a"))
    assert kept is not None and kept.archived_at is None and kept.prompt == "Send it."


async def test_two_files_with_one_id_are_both_refused_by_name_and_the_former_version_stays(
    db: Database, directory: Path
) -> None:
    await sync_benchmarks(db, directory)
    (directory / "copy.yml").write_text(definition("a", "Something else."))
    report = await sync_benchmarks(db, directory)
    assert (of(report, "a.yml").outcome, of(report, "copy.yml").outcome) == (FAILED, FAILED)
    assert "copy.yml" in str(of(report, "a.yml").error)
    assert "a.yml" in str(of(report, "copy.yml").error)
    kept = await benchmarks.get(db, BenchmarkId("a"))
    assert kept is not None and kept.archived_at is None and kept.revision == 1


async def test_a_renamed_file_keeps_its_history_and_is_remarked(db: Database, directory: Path) -> None:
    await sync_benchmarks(db, directory)
    (directory / "a.yml").rename(directory / "renamed.yaml")
    report = await sync_benchmarks(db, directory)
    assert ARCHIVED not in outcomes(report).values()
    assert of(report, "renamed.yaml").benchmark_id == "a"
    assert "renamed.yaml" in of(report, "renamed.yaml").remarks[0].message
    kept = await benchmarks.get(db, BenchmarkId("a"))
    assert kept is not None and (kept.revision, kept.archived_at) == (1, None)


async def test_only_regular_yaml_files_directly_in_the_directory_count(db: Database, directory: Path) -> None:
    (directory / "notes.json").write_text("{}")
    (directory / "README.md").write_text("# no")
    (directory / "sub").mkdir()
    (directory / "sub" / "z.yml").write_text(definition("z"))
    (directory / "link.yml").symlink_to("/etc/passwd")
    os.mkfifo(directory / "pipe.yml")
    report = await sync_benchmarks(db, directory)
    assert outcomes(report) == {
        **dict.fromkeys(("a.yml", "b.yml", "c.yml"), CREATED),
        **dict.fromkeys(("link.yml", "pipe.yml"), FAILED),
    }


async def test_a_directory_that_cannot_be_read_is_a_typed_error_and_archives_nothing(
    db: Database, directory: Path, tmp_path: Path
) -> None:
    await sync_benchmarks(db, directory)
    for wrong in (tmp_path / "nowhere", directory / "a.yml"):
        with pytest.raises(BenchmarksDirectoryError, match=str(wrong)):
            await sync_benchmarks(db, wrong)
    kept = await benchmarks.get(db, BenchmarkId("a"))
    assert kept is not None and kept.archived_at is None


async def test_a_definition_over_the_api_is_stored_and_no_sync_archives_it(
    db: Database, directory: Path
) -> None:
    stored, outcome = await upsert_benchmark(db, definition("by-hand"))
    assert (stored.id, outcome, stored.source_path) == ("by-hand", CREATED, None)
    assert (await upsert_benchmark(db, definition("by-hand")))[1] is UNCHANGED
    assert "by-hand" not in {file.benchmark_id for file in (await sync_benchmarks(db, directory)).files}
    kept = await benchmarks.get(db, BenchmarkId("by-hand"))
    assert kept is not None and kept.archived_at is None


@pytest.mark.parametrize("source", ["", "words", "id: ../x\n", "\ud800", "#" * 2_000_000])
async def test_a_text_that_is_no_benchmark_is_refused(db: Database, source: str) -> None:
    with pytest.raises(FormatError):
        await upsert_benchmark(db, source)


async def test_the_benchmarks_that_ship_with_the_project_load(db: Database) -> None:
    report = await sync_benchmarks(db, REPOSITORY / "benchmarks")
    assert SOL_TRANSFER.name in outcomes(report)
    assert [file for file in report.files if file.outcome is not CREATED] == []
    assert not [remark for file in report.files for remark in file.remarks if remark.path == "id"]


async def test_what_is_stored_is_not_parsed_again_and_reported_the_same(
    db: Database, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (directory / "named-otherwise.yml").write_text(definition("d") + "unknown: 1\n")
    await sync_benchmarks(db, directory)
    before = await writes(db)
    parsed = await _sync_counting(db, directory, monkeypatch)
    assert (parsed.names, await writes(db)) == ([], before)
    assert set(outcomes(parsed.report).values()) == {UNCHANGED}
    remarks = of(parsed.report, "named-otherwise.yml").remarks
    assert {remark.path for remark in remarks} == {"id", "unknown"}
    (directory / "named-otherwise.yml").rename(directory / "d.yml")
    await sync_benchmarks(db, directory)
    again = await _sync_counting(db, directory, monkeypatch)
    assert again.names == [] and {remark.path for remark in of(again.report, "d.yml").remarks} == {"unknown"}
    (directory / "a.yml").write_text(definition("a", "Send more."))
    changed = await _sync_counting(db, directory, monkeypatch)
    assert changed.names == ["a.yml"] and outcomes(changed.report)["a.yml"] is UPDATED


async def test_a_benchmark_changed_while_its_file_is_found_unchanged_is_made_as_the_file_says(
    db: Database, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sync_benchmarks(db, directory)
    (directory / "b.yml").write_text(definition("b", "Something new, so that there is something to write."))
    read = files.read_benchmark_files

    async def read_and_be_overtaken(
        place: Path, stored: Mapping[str, StoredFile]
    ) -> list[parsing.BenchmarkFile]:
        found = await read(place, stored)
        if stored:
            await upsert_benchmark(db, definition("a", "Of somebody else."))
        return found

    monkeypatch.setattr(sync, "read_benchmark_files", read_and_be_overtaken)
    report = await sync_benchmarks(db, directory)
    assert (outcomes(report)["a.yml"], outcomes(report)["c.yml"]) == (UPDATED, UNCHANGED)
    kept = await benchmarks.get(db, BenchmarkId("a"))
    assert kept is not None and (kept.revision, kept.prompt) == (3, "Send it.")


@dataclass
class _Counted:
    report: SyncReport
    names: list[str]


async def _sync_counting(db: Database, directory: Path, monkeypatch: pytest.MonkeyPatch) -> _Counted:
    """A sync, and the files that were parsed for it."""
    names: list[str] = []

    def parse_files(batch: parsing.Batch) -> list[parsing.BenchmarkFile]:
        names.extend(name for name, _ in batch)
        return parsing.parse_files(batch)

    with monkeypatch.context() as patch:
        patch.setattr(files, "parse_files", parse_files)
        return _Counted(await sync_benchmarks(db, directory), names)


async def test_a_sync_archives_only_what_its_own_directory_brought(db: Database, directory: Path) -> None:
    other = directory / "other"
    other.mkdir()
    for name in ("a", "d"):
        (other / f"{name}.yml").write_text(definition(name))
    await sync_benchmarks(db, directory)
    # As a version before stored it: whoever has the file first has brought it.
    await db.execute("UPDATE benchmarks SET directory = NULL WHERE id = 'b'")
    await sync_benchmarks(db, directory)
    kept = {"b.yml": SyncOutcome.KEPT, "c.yml": SyncOutcome.KEPT}
    assert outcomes(await sync_benchmarks(db, other)) == {"a.yml": UNCHANGED, "d.yml": CREATED} | kept
    written = await writes(db)
    assert outcomes(await sync_benchmarks(db, other)) == {"a.yml": UNCHANGED, "d.yml": UNCHANGED} | kept
    assert await writes(db) == written
    (directory / "b.yml").unlink()
    assert outcomes(await sync_benchmarks(db, directory)) == {
        "a.yml": UNCHANGED,
        "b.yml": ARCHIVED,
        "c.yml": UNCHANGED,
        "d.yml": SyncOutcome.KEPT,
    }
    # One name for both: what was brought before it was given is the directory's own still.
    await sync_benchmarks(db, directory, name="one")
    assert outcomes(await sync_benchmarks(db, other, name="one")) == {
        "a.yml": UNCHANGED,
        "c.yml": ARCHIVED,
        "d.yml": UNCHANGED,
    }


async def test_what_is_written_into_a_directory_belongs_to_it(db: Database, directory: Path) -> None:
    other = directory / "other"
    other.mkdir()
    await sync_benchmarks(db, directory)
    await store_definition(db, BenchmarksDirectory(other), definition("e"), write_file=True)
    assert of(await sync_benchmarks(db, directory), "e.yml").outcome is SyncOutcome.KEPT
    (directory / "a.yml").unlink()
    await sync_benchmarks(db, directory)
    await restore(db, BenchmarksDirectory(other), BenchmarkId("a"), write_file=True)
    assert of(await sync_benchmarks(db, directory), "a.yml").outcome is SyncOutcome.KEPT
