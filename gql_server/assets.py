"""The files of the pages, under an address that changes with them: a browser keeps them and asks for none again.

The address is made from the files as they are when a page is asked for: a changed line needs only a reload.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from aiohttp import web

STATIC = Path(__file__).parent / "static"

ASSET_ROUTE = "/static/{version:v-[0-9a-f]+}/{path:.+}"
FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}

_IMPORT = re.compile(r'^(?:import|export|\} from)\b.*?"(\.{1,2}/[^"]+)";', re.MULTILINE)


def assets_base() -> str:
    """Where the files are now; another address when one of them is changed."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        stat = path.stat()
        digest.update(f"{path.relative_to(STATIC)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return f"/static/v-{digest.hexdigest()[:12]}"


def modules_of(*entries: str) -> list[str]:
    """These modules and all that they import, each once, relative to STATIC: what a browser must have to begin."""
    found: dict[str, None] = {}
    waiting = [STATIC / entry for entry in entries]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(STATIC).as_posix()
        if name not in found:
            found[name] = None
            imports = _IMPORT.findall(path.read_text(encoding="utf-8"))
            waiting += [Path(os.path.normpath(path.parent / target)) for target in imports]
    return sorted(found)


async def asset(request: web.Request) -> web.StreamResponse:
    """A file of ours; the version in its address is for the browser only."""
    path = STATIC / request.match_info["path"]
    if ".." in path.parts:
        raise web.HTTPNotFound
    return web.FileResponse(path, headers=FOR_EVER)
