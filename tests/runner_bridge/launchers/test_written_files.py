"""What a runner writes on a node is the same beside the worker, whatever it does to its files."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from runner_bridge.formats.file_names import session_file_name, tool_log_name
from runner_bridge.launchers.output import RunnerOutput
from runner_bridge.launchers.ray.written_files import PIECE_BYTES, Mirror, WrittenFiles

ID = "0b3b0f5e-0000-4000-8000-000000000001"
CAP = 1000


class Pair:
    """A node and a worker."""

    def __init__(self, directory: Path) -> None:
        self.node, self.beside = directory / "node", directory / "worker"
        self.node.mkdir()
        self.output, self.log = self.node / f"{ID}.log", self.node / tool_log_name(ID)
        self.session = self.node / session_file_name(ID)
        self.written = WrittenFiles(self.node, RunnerOutput(self.output, CAP), ID)
        self.mirror = self.next_worker()

    def next_worker(self) -> Mirror:
        self.mirror = Mirror(self.beside, self.beside / f"{ID}.log", ID)
        return self.mirror

    def travel(self, *, ended: bool = False) -> int:
        """Copies until nothing is new; how many pieces it took."""
        taken = 0
        while pieces := self.written.since(self.mirror.seen, ended=ended):
            for piece in pieces:
                self.mirror.write(piece)
            taken += len(pieces)
        return taken

    def copy_of(self, path: Path) -> bytes:
        return (self.beside / path.relative_to(self.node)).read_bytes()


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def settle(path: Path) -> None:
    """As if it had been written a while ago."""
    os.utime(path, (time.time() - 60, time.time() - 60))


def test_files_that_grow_follow_by_offset_and_a_second_worker_gets_them_whole(pair: Pair) -> None:
    pair.log.write_bytes(b"one\n" + b"x" * (2 * PIECE_BYTES))
    assert pair.travel() == 3
    with pair.log.open("ab") as file:
        file.write(b"\ntwo\n")
    [piece] = pair.written.since(pair.mirror.seen, ended=False)
    assert piece["data"] == b"\ntwo\n"
    pair.mirror.write(piece)
    assert pair.travel() == 0
    # The next worker has the same directory and knows nothing of what is there.
    pair.next_worker()
    pair.travel()
    assert pair.copy_of(pair.log) == pair.log.read_bytes()


def test_output_is_kept_to_its_limit_on_the_node(pair: Pair) -> None:
    pair.output.write_bytes(b"begin\n" + b"x" * 100_000 + b"\nend\n")
    pair.travel()
    assert len(pair.copy_of(pair.output)) == CAP
    pair.travel(ended=True)
    told = pair.copy_of(pair.output)
    assert told == pair.output.read_bytes()
    assert b"bytes dropped" in told and told.endswith(b"\nend\n")


def test_a_session_file_comes_whole_and_only_when_nothing_writes_to_it(pair: Pair) -> None:
    pair.session.write_text("{")
    assert pair.travel() == 0
    pair.session.write_text('{"half": ')
    settle(pair.session)
    pair.travel()
    pair.session.write_text('{"whole": true}')
    assert pair.travel(ended=True) == 1, "at the end it does not wait"
    assert pair.copy_of(pair.session) == b'{"whole": true}'
    assert [path.name for path in pair.beside.iterdir()] == [pair.session.name], "no piece is left"


def test_a_log_that_is_shortened_or_replaced_is_so_beside_the_worker(pair: Pair) -> None:
    pair.log.write_bytes(b"a long beginning\n")
    pair.travel()
    copy = pair.beside / pair.log.name
    pair.log.write_bytes(b"short\n")
    pair.travel()
    assert copy.stat().st_size == len(b"short\n"), "its reader sees that it was shortened"
    before = copy.stat().st_ino
    with copy.open("rb"):
        fresh = pair.node / "fresh"
        fresh.write_bytes(b"another log\n")
        fresh.replace(pair.log)
        pair.travel()
        assert copy.read_bytes() == b"another log\n" and copy.stat().st_ino != before


def test_nothing_but_regular_files_of_the_runner_travels(pair: Pair, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of the node")
    pair.session.symlink_to(secret)
    os.mkfifo(pair.log)
    assert pair.travel(ended=True) == 0
    for name in ("own/../../x.json", "../session_x.json", "own/session_.txt", "own/", "/etc/passwd"):
        with pytest.raises(ValueError, match="no runner has a file called"):
            pair.mirror.write({"name": name, "version": [1, 1, 1], "data": b""})


def test_a_runner_that_makes_up_its_own_id_is_read_in_its_own_directory(pair: Pair) -> None:
    own = pair.node / ID / session_file_name("made-up")
    own.parent.mkdir()
    own.write_text("{}")
    pair.travel(ended=True)
    assert pair.copy_of(own) == b"{}"
