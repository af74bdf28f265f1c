"""Editing, archiving and restoring one benchmark, beside the syncs that would undo it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from runner_bridge.benchmarks import editing
from runner_bridge.benchmarks.definition_files import why_not_written, write_definition
from runner_bridge.benchmarks.directory import BenchmarksDirectory
from runner_bridge.benchmarks.sync import parse_source, sync_benchmarks
from runner_bridge.errors import BenchmarkChanged, FileNotWritten, HeldByFile
from store.benchmarks import benchmarks
from store.errors import BenchmarkNotFound
from store.model import ArchiveReason, Benchmark, BenchmarkId, SyncOutcome
from store.postgres.database import Database
from tests.helpers.bridge import upsert_benchmark
from tests.helpers.hostile_paths import HOSTILE_PATHS
from tests.runner_bridge.benchmarks.test_sync import definition, of, outcomes

CREATED, UPDATED, UNCHANGED = SyncOutcome.CREATED, SyncOutcome.UPDATED, SyncOutcome.UNCHANGED
ARCHIVED = SyncOutcome.ARCHIVED
A = BenchmarkId("a")


@pytest.fixture
def directory(tmp_path: Path) -> BenchmarksDirectory:
    directory = tmp_path / "benchmarks"
    directory.mkdir()
    (directory / "a.yml").write_text(definition("a"))
    return BenchmarksDirectory(directory)


async def get(db: Database, benchmark_id: str = "a") -> Benchmark:
    found = await benchmarks.get(db, BenchmarkId(benchmark_id))
    assert found is not None
    return found


def files(directory: BenchmarksDirectory) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.path.iterdir()}


async def test_a_change_that_the_next_sync_would_undo_is_refused_or_made_in_the_file(
    db: Database, directory: BenchmarksDirectory
) -> None:
    await sync_benchmarks(db, directory.path)
    with pytest.raises(HeldByFile, match=r"'a\.yml'.*next sync would undo"):
        await editing.store_definition(db, directory, definition("a", "Other."))
    assert (await get(db)).revision == 1
    same = await editing.store_definition(db, directory, definition("a"))
    assert (same.outcome, same.file) == (UNCHANGED, None)

    (directory.path / "a.yml").chmod(0o640)
    changed = await editing.store_definition(
        db, directory, definition("a", "Other."), base_revision=1, write_file=True
    )
    assert (changed.outcome, changed.file, changed.benchmark.revision) == (UPDATED, "a.yml", 2)
    assert files(directory) == {"a.yml": definition("a", "Other.")}
    assert (directory.path / "a.yml").stat().st_mode & 0o777 == 0o640
    assert outcomes(await sync_benchmarks(db, directory.path)) == {"a.yml": UNCHANGED}

    with pytest.raises(BenchmarkChanged, match="revision 2 by now"):
        await editing.store_definition(
            db, directory, definition("a", "Third."), base_revision=1, write_file=True
        )
    with pytest.raises(BenchmarkChanged, match="does not exist"):
        await editing.store_definition(db, directory, definition("new"), base_revision=1)
    assert files(directory) == {"a.yml": definition("a", "Other.")}


async def test_a_benchmark_without_a_file_gets_one_and_takes_no_name_that_is_there(
    db: Database, directory: BenchmarksDirectory
) -> None:
    await upsert_benchmark(db, definition("mine"))
    kept = await editing.store_definition(db, directory, definition("mine", "Other."))
    assert (kept.outcome, kept.file, kept.benchmark.source_path) == (UPDATED, None, None)
    written = await editing.store_definition(db, directory, definition("mine", "Other."), write_file=True)
    assert (written.outcome, written.file) == (UPDATED, "mine.yml")
    assert (written.benchmark.revision, written.benchmark.source_path) == (2, "mine.yml")

    # What the file holds was never stored: it is somebody's work.
    with pytest.raises(FileNotWritten, match="not stored here"):
        await editing.store_definition(db, directory, definition("a", "Other."), write_file=True)
    new = await editing.prospect(db, directory, parse_source(definition("a", "Other.")))
    assert (new.outcome, new.file, new.is_in_file, new.why_not_stored) == (CREATED, "a.yml", False, None)
    assert new.why_not_written is not None and "not stored here" in new.why_not_written
    assert await benchmarks.get(db, A) is None
    assert set(files(directory)) == {"a.yml", "mine.yml"}


async def test_the_file_was_changed_meanwhile_or_may_not_be_written(
    db: Database, directory: BenchmarksDirectory, tmp_path: Path
) -> None:
    await sync_benchmarks(db, directory.path)
    wanted = parse_source(definition("a", "Other."))
    before = await editing.prospect(db, directory, wanted)
    assert (before.revision, before.is_in_file, before.why_not_written) == (1, True, None)
    assert before.why_not_stored is not None and "next sync would undo" in before.why_not_stored

    file = directory.path / "a.yml"
    file.write_text(definition("a", "By hand."))
    with pytest.raises(FileNotWritten, match="left as it is"):
        await editing.store_definition(db, directory, wanted.source_text, write_file=True)
    assert file.read_text() == definition("a", "By hand.")

    elsewhere = tmp_path / "elsewhere.yml"
    elsewhere.write_text(definition("a"))
    file.unlink()
    file.symlink_to(elsewhere)
    with pytest.raises(FileNotWritten, match="symbolic link"):
        await editing.store_definition(db, directory, wanted.source_text, write_file=True)
    assert elsewhere.read_text() == definition("a") and file.is_symlink()

    off = BenchmarksDirectory(directory.path, may_write=False)
    with pytest.raises(FileNotWritten, match="WRITE_BENCHMARK_FILES is off"):
        await editing.store_definition(db, off, wanted.source_text, write_file=True)
    assert (await editing.prospect(db, off, wanted)).why_not_written == editing.NO_WRITING
    gone = BenchmarksDirectory(tmp_path / "nowhere")
    with pytest.raises(FileNotWritten, match="cannot be read"):
        await editing.store_definition(db, gone, wanted.source_text, write_file=True)
    assert (await get(db)).revision == 1


def test_no_name_leads_out_of_the_directory(tmp_path: Path) -> None:
    directory = tmp_path / "benchmarks"
    directory.mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (directory / "link").symlink_to(outside)
    (directory / "folder.yml").mkdir()
    os.mkfifo(directory / "fifo.yml")
    hostile = [
        *HOSTILE_PATHS,
        "../outside/x.yml",
        "link/x.yml",
        "folder.yml",
        "fifo.yml",
        "",
        "nowhere/x.yml",
    ]
    for name in hostile:
        assert why_not_written(directory, name, ()) is not None
        with pytest.raises(FileNotWritten):
            write_definition(directory, name, b"x", ())
    assert list(outside.iterdir()) == []
    assert sorted(path.name for path in directory.iterdir()) == ["fifo.yml", "folder.yml", "link"]


def test_a_write_that_fails_leaves_the_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.yml").write_bytes(b"one")
    known = {"7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for name in ("a.yml", "b.yml"):
        with pytest.raises(FileNotWritten, match="No space left"):
            write_definition(tmp_path, name, b"two", known)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.yml": b"one"}


async def test_of_many_who_store_from_one_revision_one_does_and_its_text_is_in_the_file(
    db: Database, directory: BenchmarksDirectory
) -> None:
    await sync_benchmarks(db, directory.path)
    texts = [definition("a", f"Number {number}.") for number in range(8)]
    done = await asyncio.gather(
        *(editing.store_definition(db, directory, text, base_revision=1, write_file=True) for text in texts),
        *(sync_benchmarks(db, directory.path) for _ in range(4)),
        return_exceptions=True,
    )
    stored = [one for one in done[:8] if isinstance(one, editing.Changed)]
    assert len(stored) == 1
    assert all(isinstance(one, BenchmarkChanged) for one in done[:8] if one is not stored[0])
    assert not [one for one in done[8:] if isinstance(one, BaseException)]
    assert files(directory) == {"a.yml": stored[0].benchmark.source}
    await sync_benchmarks(db, directory.path)
    assert (await get(db)).source == stored[0].benchmark.source


async def test_what_is_archived_on_request_stays_so_through_every_sync_until_it_is_restored(
    db: Database, directory: BenchmarksDirectory
) -> None:
    await sync_benchmarks(db, directory.path)
    assert (await editing.archive(db, A)).outcome is ARCHIVED
    archived = await get(db)
    assert (archived.archive_reason, archived.archived_at is None) == (ArchiveReason.REQUESTED, False)
    assert (await editing.archive(db, A)).outcome is UNCHANGED

    same = await sync_benchmarks(db, directory.path)
    assert (of(same, "a.yml").outcome, of(same, "a.yml").stays_archived) == (UNCHANGED, True)
    (directory.path / "a.yml").write_text(definition("a", "Other."))
    changed = await sync_benchmarks(db, directory.path)
    assert (of(changed, "a.yml").outcome, of(changed, "a.yml").stays_archived) == (UPDATED, True)
    still = await get(db)
    assert (still.revision, still.archived_at) == (2, archived.archived_at)
    assert still.archive_reason is ArchiveReason.REQUESTED

    restored = await editing.restore(db, directory, A)
    assert (restored.outcome, restored.benchmark.archived_at, restored.file) == (UPDATED, None, None)
    assert (await editing.restore(db, directory, A)).outcome is UNCHANGED
    assert not of(await sync_benchmarks(db, directory.path), "a.yml").stays_archived
    for change in (editing.archive(db, BenchmarkId("x")), editing.restore(db, directory, BenchmarkId("x"))):
        with pytest.raises(BenchmarkNotFound):
            await change


async def test_a_benchmark_whose_file_is_missing_is_restored_with_its_file_only(
    db: Database, directory: BenchmarksDirectory
) -> None:
    (directory.path / "b.yml").write_text(definition("b"))
    await sync_benchmarks(db, directory.path)
    (directory.path / "a.yml").unlink()
    assert outcomes(await sync_benchmarks(db, directory.path))["a.yml"] is ARCHIVED
    assert (await get(db)).archive_reason is ArchiveReason.FILE_MISSING

    with pytest.raises(HeldByFile, match="missing"):
        await editing.restore(db, directory, A)
    with pytest.raises(HeldByFile, match="missing"):
        await editing.store_definition(db, directory, definition("a", "Other."))
    restored = await editing.restore(db, directory, A, write_file=True)
    assert (restored.outcome, restored.file) == (UPDATED, "a.yml")
    assert files(directory)["a.yml"] == definition("a")
    assert outcomes(await sync_benchmarks(db, directory.path)) == {
        "a.yml": UNCHANGED,
        "b.yml": UNCHANGED,
    }

    # Archived on request, and its file removed: no sync speaks of it, and its file is needed again.
    await editing.archive(db, A)
    (directory.path / "a.yml").unlink()
    assert outcomes(await sync_benchmarks(db, directory.path)) == {"b.yml": UNCHANGED}
    with pytest.raises(HeldByFile, match="missing"):
        await editing.restore(db, directory, A)

    # A benchmark of the API is archived and restored without any file.
    await upsert_benchmark(db, definition("mine"))
    mine = BenchmarkId("mine")
    await editing.archive(db, mine)
    await editing.store_definition(db, directory, definition("mine", "Other."))
    assert (await get(db, "mine")).archive_reason is ArchiveReason.REQUESTED
    assert (await editing.restore(db, directory, mine)).benchmark.archived_at is None
