"""The files of the pages, under an address that changes with them: browsers cache them for ever.

The address is made from the files as they are when a page is asked for: a changed line needs only a reload.
Which file an address means is decided by runner_bridge.formats.paths, like for every file of a client's choice.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType

from aiohttp import hdrs, web

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.files import read_bounded, regular_file
from store.records import record

STATIC = Path(__file__).parents[1] / "static"

ASSET_ROUTE = "/static/{version:v-[0-9a-f]+}/{path:.+}"
PLAIN_ROUTE = "/static/{path:.+}"
"""For pages that are rarely loaded: their files are revalidated."""

FOR_EVER = "public, max-age=31536000, immutable"

MAX_BYTES = 16 * 1024 * 1024
"""The largest file served; the largest there is has 3.6 MB."""

TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".html": "text/html",
    ".json": "application/json",
    ".graphql": "text/plain",
}
"""All in UTF-8; every other file is sent as application/octet-stream."""


def assets_base() -> str:
    """Where the files are now; another address when one of them is changed."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        stat = path.lstat()
        digest.update(f"{path.relative_to(STATIC)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return f"/static/v-{digest.hexdigest()[:12]}"


@record
class _File:
    """A file as it was read. All responses share the bytes."""

    version: str
    body: bytes


class Assets:
    """The files of `root`, each kept in memory after its first request and shared by all responses.

    `made` are files that are put together of others, by their path: what a call returns.
    """

    def __init__(self, root: Path, made: Mapping[str, Callable[[], bytes]] = MappingProxyType({})) -> None:
        self._root = root
        self._made = made
        self._files: dict[str, _File] = {}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The file that the route's `path` names; a `version` in the address is for the browser only."""
        text = request.match_info["path"]
        try:
            file = await asyncio.to_thread(self._read, text)
        except (FormatError, FileNotFoundError):
            raise web.HTTPNotFound from None
        headers = {hdrs.CONTENT_TYPE: _type_of(text), hdrs.ETAG: f'"{file.version}"'}
        if "version" in request.match_info:
            headers[hdrs.CACHE_CONTROL] = FOR_EVER
        if any(tag.value == file.version for tag in request.if_none_match or ()):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return web.Response(body=file.body, headers=headers)

    def _read(self, text: str) -> _File:
        if (make := self._made.get(text)) is not None:
            body = make()
            return _File(hashlib.sha256(body).hexdigest()[:16], body)
        with regular_file(self._root, text) as descriptor:
            status = os.fstat(descriptor)
            version = f"{status.st_mtime_ns:x}-{status.st_size:x}"
            kept = self._files.get(text)
            if kept is None or kept.version != version:
                kept = self._files[text] = _File(version, read_bounded(descriptor, text, MAX_BYTES))
            return kept


def _type_of(text: str) -> str:
    media_type = TYPES.get(Path(text).suffix)
    return "application/octet-stream" if media_type is None else f"{media_type}; charset=utf-8"
