from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.files import DirectoryReader, read_regular_file
from runner_bridge.formats.paths import Directory
from tests.helpers.hostile_paths import HOSTILE_PATHS, LOOKALIKES

LIMIT = 1000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    directory = tmp_path / "sessions"
    directory.mkdir()
    (tmp_path / "secret.json").write_bytes(b"secret")
    return directory


def refusal(text: str, root: Path) -> str:
    with pytest.raises(FormatError) as caught:
        read_regular_file(root, text, LIMIT)
    assert "secret" not in caught.value.message.replace("secret.json", "")
    return caught.value.message


def test_reads_a_regular_file_here_and_below(root: Path) -> None:
    (root / "a.json").write_bytes(b"x" * LIMIT)
    (root / "below").mkdir()
    (root / "below" / "b.json").write_bytes(b"")
    assert read_regular_file(root, "a.json", LIMIT) == b"x" * LIMIT
    assert read_regular_file(root, "below/b.json", LIMIT) == b""


def test_reads_when_the_root_itself_is_a_link(root: Path, tmp_path: Path) -> None:
    (root / "a.json").write_bytes(b"{}")
    link = tmp_path / "link"
    link.symlink_to(root)
    assert read_regular_file(link, "a.json", LIMIT) == b"{}"


def test_an_absent_file_is_file_not_found(root: Path) -> None:
    for text in ("a.json", "no/a.json"):
        with pytest.raises(FileNotFoundError):
            read_regular_file(root, text, LIMIT)


def test_links_are_not_followed(root: Path, tmp_path: Path) -> None:
    (root / "link.json").symlink_to(tmp_path / "secret.json")
    (root / "dangling.json").symlink_to(tmp_path / "nothing")
    (root / "up").symlink_to(tmp_path)
    assert "symbolic link" in refusal("link.json", root)
    assert "symbolic link" in refusal("dangling.json", root)
    assert "symbolic link" in refusal("up/secret.json", root)


def test_a_link_that_is_put_there_after_the_look_is_not_followed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = root / "a.json"
    path.write_bytes(b"{}")
    looked = os.stat

    def look_and_swap(*arguments: Any, **options: Any) -> os.stat_result:
        status = looked(*arguments, **options)
        if "dir_fd" in options and not path.is_symlink():
            path.unlink()
            path.symlink_to(tmp_path / "secret.json")
        return status

    monkeypatch.setattr(os, "stat", look_and_swap)
    assert "symbolic link" in refusal("a.json", root)


def test_what_is_no_regular_file_is_refused_at_once(root: Path) -> None:
    (root / "directory").mkdir()
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(root / "socket"))
    assert "a directory" in refusal("directory", root)
    assert "a FIFO" in refusal("fifo", root)
    assert "a socket" in refusal("socket", root)
    assert "a device" in refusal("null", Path("/dev"))
    assert "a device" in refusal("zero", Path("/dev"))


def test_a_file_of_the_wrong_size_is_refused(root: Path) -> None:
    (root / "big").write_bytes(b"x" * (LIMIT + 1))
    with open(root / "huge", "wb") as file:
        file.truncate(2**40)
    assert "more than the 1000 allowed" in refusal("big", root)
    assert "more than the 1000 allowed" in refusal("huge", root)


def test_a_file_without_an_honest_size_is_still_bounded() -> None:
    # /proc reports 0 bytes and gives more: what a file that grows while it is read looks like.
    with pytest.raises(FormatError, match="grew beyond"):
        read_regular_file(Path("/proc"), "cpuinfo", 10)


def test_a_file_that_grows_while_it_is_read_is_read_on_and_still_bounded(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, read = root / "grows", os.read

    def grow_first(descriptor: int, count: int) -> bytes:
        with path.open("ab") as file:
            file.write(b"+")
        return read(descriptor, count)

    for at_first, expected in ((b"", b"++"), (b"x" * (LIMIT - 1), None), (b"x" * LIMIT, None)):
        path.write_bytes(at_first)
        with monkeypatch.context() as patch:
            grown = iter([grow_first] * 2)
            patch.setattr(os, "read", lambda *given, grown=grown: next(grown, read)(*given))
            if expected is not None:
                assert read_regular_file(root, "grows", LIMIT) == expected
                continue
            with pytest.raises(FormatError, match="grew beyond"):
                read_regular_file(root, "grows", LIMIT)


def test_a_text_that_may_not_name_a_file_is_refused_before_anything_is_opened(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "open", lambda *_, **__: pytest.fail("opened"))
    for text in HOSTILE_PATHS:
        assert "plain names" in refusal(text, root), text


def test_what_only_looks_like_a_way_out_is_a_name_that_nothing_has(root: Path) -> None:
    for text in LOOKALIKES:
        with pytest.raises(FileNotFoundError):
            read_regular_file(root, text, LIMIT)


def test_many_files_of_one_directory_are_each_judged_by_themselves(root: Path, tmp_path: Path) -> None:
    (root / "below").mkdir()
    for name in ("a", "b", "c"):
        (root / "below" / name).write_text(name)
    (root / "below" / "link").symlink_to(tmp_path / "secret.json")
    with DirectoryReader(Directory(root, ("below",))) as reader:
        assert reader.read("a", LIMIT) == b"a"
        for name in ("link", "../../secret.json", "..", "below/a", "x" * 300, "a\0b"):
            with pytest.raises(FormatError):
                reader.read(name, LIMIT)
        with pytest.raises(FileNotFoundError):
            reader.read("gone", LIMIT)
        assert [reader.read(name, LIMIT) for name in ("b", "c")] == [b"b", b"c"]


def test_no_descriptor_is_left_open(root: Path) -> None:
    os.mkfifo(root / "fifo")
    (root / "big").write_bytes(b"x" * (LIMIT + 1))
    (root / "below").mkdir()
    before = set(os.listdir("/proc/self/fd"))
    for text in ("fifo", "big", "below", "below/gone", "big/below", "gone"):
        with pytest.raises((FormatError, FileNotFoundError)):
            read_regular_file(root, text, LIMIT)
    assert set(os.listdir("/proc/self/fd")) == before
