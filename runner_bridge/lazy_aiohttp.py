"""aiohttp, imported without reading the system's certificates: `from runner_bridge.lazy_aiohttp import aiohttp`.

aiohttp makes two TLS contexts when it is imported, and each reads all certificates of the system: a tenth of a
command's time and a twentieth of a server's start, mostly for connections without TLS or for none. Here these
contexts read them when they are first used. Whoever imports aiohttp first decides: servers and commands begin
with this module.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

READS = "set_default_verify_paths"


class ReadsWhenUsed(ssl.SSLContext):
    """A context that reads the system's certificates before its first connection."""

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        self._read()
        return super().wrap_bio(*arguments, **options)

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        self._read()
        return super().wrap_socket(*arguments, **options)

    def _read(self) -> None:
        if not vars(self).get("has_read"):
            self.set_default_verify_paths()
            self.has_read = True


@contextmanager
def certificates_when_used() -> Iterator[None]:
    """Contexts made inside, by whatever thread, read the system's certificates when they are first used."""

    def read_later(context: ssl.SSLContext) -> None:
        context.__class__ = ReadsWhenUsed

    setattr(ssl.SSLContext, READS, read_later)
    try:
        yield
    finally:
        delattr(ssl.SSLContext, READS)


with certificates_when_used():
    import aiohttp

__all__ = ["aiohttp"]
