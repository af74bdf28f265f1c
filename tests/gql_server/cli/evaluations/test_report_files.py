"""Report files: what cannot be written is refused before anything starts, and no half of a file is left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gql_server.cli.errors import CliError, ExitCode
from gql_server.cli.evaluations import report_files


def test_a_file_is_new_or_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "report.xml"
    report_files.check_writable((path, None))
    assert list(tmp_path.iterdir()) == [], "to check writes nothing"
    report_files.write(path, "first")
    path.chmod(0o640)
    report_files.check_writable((path,))
    assert path.read_text() == "first"
    report_files.write(path, "sécond")
    assert path.read_text(encoding="utf-8") == "sécond"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_can_be_read_as_others_of_the_process(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        report_files.write(tmp_path / "report", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "report").stat().st_mode & 0o777 == 0o644


def test_the_file_behind_a_link_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    report_files.check_writable((tmp_path / "link",))
    report_files.write(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "new"


@pytest.mark.parametrize(
    "name",
    ["missing/report.xml", ".", "", "file/report.xml", "x" * 300, "loop", "loop/x", "/proc/report.xml"],
)
def test_what_cannot_be_written_is_refused_before(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(CliError, match=r"cannot be written: .*Nothing was started") as refused:
        report_files.check_writable((Path(name),))
    assert refused.value.code == ExitCode.WRONG_USE
    assert "\n" not in str(refused.value)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "loop"}


def test_one_file_for_two_reports_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("report")
    with pytest.raises(CliError, match="two reports"):
        report_files.check_writable((tmp_path / "report", tmp_path / "link"))


def test_a_full_disk_leaves_the_old_file_and_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CliError, match="report cannot be written: No space left on device") as refused:
        report_files.write(path, "new")
    assert refused.value.code == ExitCode.SERVER_FAILED
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_device_is_written_to_and_not_replaced() -> None:
    device = Path("/dev/null")
    report_files.check_writable((device,))
    report_files.write(device, "text")
    assert device.is_char_device()
    with pytest.raises(CliError, match="No space left on device"):
        report_files.write(Path("/dev/full"), "text")
