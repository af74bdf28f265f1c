"""Values as text for a terminal."""

from __future__ import annotations

UNKNOWN = "-"


def printable(value: object, keep: str = "") -> str:
    """Text from outside, escaped for the terminal; on one line unless `keep` has the newline."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else repr(c)[1:-1] for c in text)


def milliseconds(value: int | None) -> str:
    if value is None:
        return UNKNOWN
    return f"{value} ms" if value < 1000 else f"{value / 1000:.1f} s"
