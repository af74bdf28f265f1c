"""The key that encrypts API keys and secrets of webhooks: from a setting, or a file that is made when needed.

It is never in the database, so a dump of the database holds none of them readable. Every server and worker on one
database needs the same key. Encrypted data is bound to a context and cannot be decrypted in another.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from runner_bridge.errors import SecretKeyError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FILE_NAME = "secret.key"
VERSION = b"\x01"
NONCE_BYTES = 12
KEY_BYTES = 32
PURPOSE = b"reev-gql: API keys of agents, version 1"


class SecretKey:
    """From `text`, or else from the content of `file`; read when first used, and never shown."""

    def __init__(self, text: str | None = None, file: Path = Path(FILE_NAME)) -> None:
        self._text = text
        self._file = file
        self._cipher: AESGCM | None = None

    def __repr__(self) -> str:
        return "SecretKey(***)"

    def encrypt(self, plain: str, context: str) -> bytes:
        """Raises SecretKeyError when the key cannot be read or created."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return VERSION + nonce + self._opened(create=True).encrypt(nonce, plain.encode(), context.encode())

    def decrypt(self, data: bytes, context: str, what: str = "API key") -> str:
        """Raises SecretKeyError when `data` was encrypted with another key or in another context.

        `what` it is, is in the message.
        """
        from cryptography.exceptions import InvalidTag

        nonce, encrypted = data[1 : 1 + NONCE_BYTES], data[1 + NONCE_BYTES :]
        cipher = self._opened(create=False)
        try:
            if data[:1] != VERSION:
                raise InvalidTag
            return cipher.decrypt(nonce, encrypted, context.encode()).decode()
        except (InvalidTag, ValueError):
            raise SecretKeyError(
                f"The {what} of {context} was encrypted with another secret key: set the REEV_GQL_SECRET_KEY "
                f"that every server and worker shares, or save the {what} again"
            ) from None

    def _opened(self, *, create: bool) -> AESGCM:
        if self._cipher is None:
            # Most processes neither encrypt nor decrypt anything.
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
            from cryptography.hazmat.primitives.hashes import SHA256
            from cryptography.hazmat.primitives.kdf.hkdf import HKDF

            text = self._text or self._read(create=create)
            derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=PURPOSE).derive(text.encode())
            self._cipher = AESGCM(derived)
        return self._cipher

    def _read(self, *, create: bool) -> str:
        try:
            if create:
                _make(self._file)
            return _read_private(self._file)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise SecretKeyError(
                f"The secret key file {self._file} cannot be used ({reason}); or set REEV_GQL_SECRET_KEY"
            ) from error


def _make(file: Path) -> None:
    """Creates the file with a new key if it does not exist. Processes that do so at once get the same key."""
    if file.exists():
        return
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as unfinished:
            unfinished.write(secrets.token_urlsafe(KEY_BYTES) + "\n")
            unfinished.flush()
            os.fsync(unfinished.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, file)
    finally:
        os.unlink(name)


def _read_private(file: Path) -> str:
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, encoding="utf-8", errors="strict") as opened:
        status = os.fstat(opened.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is not a regular file")
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise OSError(f"others can read it: chmod 600 {file}")
        text = opened.read(4096).strip()
    if len(text) < KEY_BYTES:
        raise OSError(f"it holds fewer than {KEY_BYTES} characters")
    return text
