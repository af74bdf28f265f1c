"""Standard output and standard error, which everything that a command prints goes through, whoever prints it.

A terminal that lacks a character gets another sign for it, or its escape: it loses glyphs, never words.
"""

from __future__ import annotations

import codecs
import io
import os
import sys

ERRORS = "reev-gql"
"""Name of the error handler of our streams."""

PLAINER = {
    **{"✓": "+", "✗": "x", "✕": "x", "×": "x", "→": ">", "←": "<", "▸": ">", "■": "*", "•": "*", "●": "*"},
    **{"…": "...", "·": "-", "—": "-", "━": "-", "╸": "-", "╺": "-"},
    # Asks for the coloured form of the sign before it.
    "\ufe0f": "",
}
"""Signs of ours and of rich's, with what stands for them where they cannot be encoded."""

SPINNER = range(0x2800, 0x2900)
"""Braille patterns: rich's spinner is drawn with them."""


def prepare_streams() -> None:
    """Makes both streams take every text. A stream that is closed takes everything and shows nothing."""
    codecs.register_error(ERRORS, _plainer)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # A file of its own, which stays open until the process ends.
            setattr(sys, name, io.TextIOWrapper(io.FileIO(os.devnull, "w"), encoding="utf-8"))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ERRORS)


def forget_output() -> None:
    """After a write has failed: what is still buffered is thrown away, so that nothing complains at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())


def _plainer(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(PLAINER[sign] if sign in PLAINER else _escape(sign) for sign in text), error.end


def _escape(sign: str) -> str:
    return "*" if ord(sign) in SPINNER else sign.encode("ascii", "backslashreplace").decode("ascii")
