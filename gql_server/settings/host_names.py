"""How the names of hosts and origins are written, in settings and in requests."""

from __future__ import annotations

import re

_HOST = r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
_HOST_PATTERN = re.compile(_HOST, re.IGNORECASE)
_ORIGIN_PATTERN = re.compile(rf"https?://{_HOST}", re.IGNORECASE)


def is_host_name(text: str) -> bool:
    """A name or address as in a Host header, with or without a port."""
    return _HOST_PATTERN.fullmatch(text) is not None


def is_origin(text: str) -> bool:
    """scheme://host[:port], as browsers write it."""
    return _ORIGIN_PATTERN.fullmatch(text) is not None
