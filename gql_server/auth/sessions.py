"""The session of a browser: a cookie that holds a token until the browser ends.

No script can read it (HttpOnly), and no request that another site starts carries it (SameSite=Strict). All tabs
have it, and so do websockets and links to files. Other ports of this host are the same site, and browsers add the
cookie by themselves. So it counts only in requests of our own pages; origins allowed by name send a token.
Its name has our port, since a browser has one set of cookies for all ports of a host.
"""

from __future__ import annotations

import base64
import binascii
import re

from aiohttp import hdrs, web

from gql_server.auth.host_and_origin import is_from_own_page

NAME = "reev-gql-session"

_PORT = re.compile(r":([0-9]+)$")


def session_token(request: web.BaseRequest) -> str | None:
    """The token of the session that this request belongs to, unchecked; None when it belongs to none."""
    if hdrs.COOKIE not in request.headers or not is_from_own_page(request):
        return None
    try:
        value = request.cookies.get(_name(request), "")
        return base64.urlsafe_b64decode(value.encode()).decode() or None
    except (binascii.Error, UnicodeError):
        return None


def session_cookie(request: web.BaseRequest, token: str | None) -> str:
    """The `Set-Cookie` that begins a session with `token`; without one, the session ends."""
    value = base64.urlsafe_b64encode((token or "").encode()).decode()
    cookie = f"{_name(request)}={value}; Path=/; HttpOnly; SameSite=Strict"
    if request.headers.get(hdrs.ORIGIN, "").lower().startswith("https:"):
        cookie += "; Secure"
    return cookie if token else f"{cookie}; Max-Age=0"


def _name(request: web.BaseRequest) -> str:
    """By the port that the browser sees: a proxy may stand before several servers."""
    port = _PORT.search(request.headers.get(hdrs.HOST, ""))
    return f"{NAME}-{port[1]}" if port else NAME
