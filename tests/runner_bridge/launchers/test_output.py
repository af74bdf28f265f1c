"""The output file: bounded while it is written, readable by offset, and shown as clean text."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner_bridge.launchers.output import SHOWN_CHARACTERS, RunnerOutput
from runner_bridge.redaction import clean_text, redact

CAP = 1000


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_the_beginning_stays_where_it_is_while_the_rest_is_cut_away(tmp_path: Path) -> None:
    path = tmp_path / "out.log"
    output = RunnerOutput(path, CAP)
    beginning = bytes(range(65, 90)) * (CAP // 25)
    append(path, beginning)
    assert output.check()
    for _ in range(5):
        append(path, b"noise " * 500)
        assert output.check(), "it grew, though it was cut"
        assert path.read_bytes() == beginning
    append(path, b"\nlast words\n")
    output.close()
    assert path.read_bytes().startswith(beginning + b"\n[... ")
    assert output.last_lines({}).endswith("last words")


def test_what_is_printed_while_it_is_cut_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last words may come in just that moment."""
    path = tmp_path / "out.log"
    output, measure = RunnerOutput(path, CAP), os.fstat

    def measured(descriptor: int) -> os.stat_result:
        found = measure(descriptor)
        append(path, b"the last words\n")
        return found

    append(path, b"x" * (CAP + 100_000))
    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", measured)
        assert output.check()
    output.close()
    kept = path.read_bytes()
    assert kept.endswith(b"the last words\n") and b"[... 34479 bytes dropped ...]" in kept


def test_dropped_bytes_are_counted_exactly(tmp_path: Path) -> None:
    path = tmp_path / "out.log"
    output = RunnerOutput(path, CAP)
    append(path, b"x" * (CAP + 100_000))
    output.close()
    kept = path.read_bytes()
    marker = kept[CAP:].split(b"]", 1)[0].decode()
    said = int(marker.split()[1])
    tail = kept[CAP + len(marker) + 2 :]
    assert said + len(tail) == 100_000


@contextmanager
def disk_takes(size: int) -> Iterator[None]:
    """Meanwhile no file of this process grows beyond `size` bytes: EFBIG, where a full disk says ENOSPC."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_on_a_full_disk_the_last_words_are_shown_all_the_same(tmp_path: Path) -> None:
    for room in (0, 7, 40):
        path = tmp_path / f"out-{room}.log"
        output = RunnerOutput(path, CAP)
        append(path, b"x" * CAP + b"noise\n" * 100 + b"the last words\n")
        with disk_takes(CAP + room):
            output.close()
        assert path.stat().st_size == CAP + room, "as much as there was room for"
        assert output.last_lines({}).endswith("noise\nthe last words")
        whole = b""
        while data := output.read(len(whole), 50):
            whole += data
        assert whole[:CAP] == b"x" * CAP and whole[CAP:].startswith(b"\n[... 0 bytes dropped ...]\nnoise\n")
        assert whole.endswith(b"noise\nthe last words\n")


def test_while_the_runner_lives_nothing_beyond_the_cap_is_read(tmp_path: Path) -> None:
    path = tmp_path / "out.log"
    output = RunnerOutput(path, CAP)
    append(path, b"x" * CAP + b"beyond" * 100)
    assert output.read(0, 10 * CAP) == b"x" * CAP
    assert output.read(CAP - 10, 100) == b"x" * 10
    assert output.read(CAP, 100) == output.read(CAP + 50, 100) == b""
    output.close()
    rest = output.read(CAP, 10 * CAP)
    assert rest.startswith(b"\n[... ") and rest.endswith(b"beyond"), "then the marker and the last words are"


def test_growth_is_told_once_and_a_file_that_is_not_there_is_silent(tmp_path: Path) -> None:
    path = tmp_path / "out.log"
    output = RunnerOutput(path, CAP)
    assert not output.check()
    assert output.last_lines({}) == ""
    append(path, b"one")
    assert output.check()
    assert not output.check()
    append(path, b"two")
    assert output.check()
    output.close()
    assert path.read_bytes() == b"onetwo", "nothing is added where nothing was cut"


def test_colours_titles_and_control_characters_do_not_reach_a_reader() -> None:
    raw = b"\x1b[31;1mred\x1b[0m \x1b]0;title\x07bell\x07 nul\x00 \xff\xed\xa0\x80 caf\xc3\xa9\r\nnext"
    text = clean_text(raw)
    assert text.startswith("red bell\\x07 nul\\x00 ")
    assert text.endswith("café\nnext")
    assert text.isprintable() or set(text) - set("\n") == set(filter(str.isprintable, text))
    text.encode()


def test_a_long_last_line_is_shown_by_its_end(tmp_path: Path) -> None:
    path = tmp_path / "out.log"
    append(path, b"x" * 5_000_000 + b"END")
    shown = RunnerOutput(path, 10_000_000).last_lines({})
    assert shown.endswith("END") and len(shown) == SHOWN_CHARACTERS + 1


def test_secret_values_are_blanked_by_name() -> None:
    environment = {"ZAI_API_KEY": "abcdef-canary", "HOME": "/root", "SHORT_KEY": "a"}
    assert redact("key=abcdef-canary in /root, a", environment) == "key=[ZAI_API_KEY] in /root, a"
