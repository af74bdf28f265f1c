"""The key that encrypts API keys is created once, is private and never shown; another key decrypts nothing."""

from __future__ import annotations

import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from runner_bridge.agents.secret_key import SecretKey
from runner_bridge.errors import SecretKeyError

CANARY = "canary-key-of-an-agent-0123456789"
TEXT = "a secret that somebody chose, long enough"


def test_what_is_encrypted_comes_back_and_never_looks_the_same(tmp_path: Path) -> None:
    key = SecretKey(file=tmp_path / "deep" / "secret.key")
    first, second = key.encrypt(CANARY, "local"), key.encrypt(CANARY, "local")
    assert first != second
    assert CANARY.encode() not in first
    assert SecretKey(file=tmp_path / "deep" / "secret.key").decrypt(first, "local") == CANARY
    assert key.decrypt(second, "local") == CANARY


def test_the_file_is_for_its_owner_only_and_made_by_writing_alone(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    with pytest.raises(SecretKeyError):
        SecretKey(file=file).decrypt(b"\x01" + bytes(40), "local")
    assert list(tmp_path.iterdir()) == []
    SecretKey(file=file).encrypt(CANARY, "local")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_another_key_context_version_or_bit_is_refused_in_words(tmp_path: Path) -> None:
    key = SecretKey(TEXT)
    data = key.encrypt(CANARY, "local")
    assert SecretKey(TEXT).decrypt(data, "local") == CANARY
    flipped = data[:-1] + bytes([data[-1] ^ 1])
    for other, wrong, context in (
        (SecretKey(TEXT + "!"), data, "local"),
        (key, data, "glm-4.6"),
        (key, b"\x02" + data[1:], "local"),
        (key, flipped, "local"),
        (key, data[:20], "local"),
        (key, b"", "local"),
    ):
        with pytest.raises(SecretKeyError, match="REEV_GQL_SECRET_KEY") as refused:
            other.decrypt(wrong, context)
        assert CANARY not in str(refused.value)


def test_a_file_that_others_can_read_or_that_is_none_is_refused(tmp_path: Path) -> None:
    open_to_all, short, link = (tmp_path / name for name in ("open", "short", "link"))
    for path, text, mode in ((open_to_all, TEXT, 0o644), (short, "short", 0o600)):
        path.write_text(text)
        path.chmod(mode)
    target = tmp_path / "target"
    target.write_text(TEXT)
    target.chmod(0o600)
    link.symlink_to(target)
    (tmp_path / "directory").mkdir(mode=0o700)
    for path, word in (
        (open_to_all, "chmod 600"),
        (short, "fewer"),
        (link, "links"),
        (tmp_path / "directory", "secret key file"),
    ):
        with pytest.raises(SecretKeyError, match=word):
            SecretKey(file=path).encrypt(CANARY, "local")


def _encrypt(path: str) -> bytes:
    return SecretKey(file=Path(path)).encrypt(CANARY, "local")


def test_eight_who_make_the_file_at_once_have_the_same_key(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        made = pool.map(_encrypt, [str(file)] * 8, chunksize=1)
    assert {SecretKey(file=file).decrypt(data, "local") for data in made} == {CANARY}
    assert os.listdir(tmp_path) == ["secret.key"]


def test_neither_key_is_in_a_repr() -> None:
    assert TEXT not in repr(SecretKey(TEXT))
    assert TEXT not in str(vars(SecretKey(TEXT))).replace(TEXT, "", 1)
