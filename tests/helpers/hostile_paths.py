"""Texts that try to name a file outside of a root, in every spelling that has worked against some server.

`HOSTILE_PATHS` may name nothing; `ways_to` are more of them, for a file that is really there. `LOOKALIKES` mean
something else to some other system; here they are names like any other, which nothing has.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

TARGETS = ("etc/passwd", "etc/hostname", "proc/self/environ", "dev/zero")
"""Files that every Linux machine has."""

CLIMBS = (
    *("..", "...", ". .", "..\x00", "%2e%2e", "%2E%2E", "%252e%252e", ".%2e", "%2e."),
    *("%c0%ae%c0%ae", "%uff0e%uff0e", "%e0%80%ae%e0%80%ae"),
)
"""Up one directory, for some reader."""

SLASHES = ("/", "//", "\\", "/./", "%2f", "%5c", "%252f", "%c0%af", "%ef%bc%8f", "\\\\")
"""Between two names, for some reader."""


def _climbing() -> Iterator[str]:
    for climb, slash, depth in product(CLIMBS, SLASHES, (1, 8)):
        yield slash.join([climb] * depth + [TARGETS[0].replace("/", slash)])


def ways_to(path: str) -> Iterator[str]:
    """Of an absolute path."""
    target = path.removeprefix("/")
    yield from (f"/{target}", f"//{target}", f"///{target}", f"/./{target}", f"\\{target}", f"~/{target}/")
    yield from (f"file:///{target}", f"%2f{target}", f"%252f{target}", f"x//{target}", f"x/../../{target}")
    for depth in range(1, 10):
        yield "../" * depth + target
        yield "../" * depth + target.rpartition("/")[2]


def _of_other_systems() -> Iterator[str]:
    yield from ("C:", "C:\\", "C:/windows/win.ini", "c:hidden", "\\\\?\\C:\\hidden", "\\\\.\\nul")
    yield from ("\\\\host\\share", "hidden.", "hidden ", "a/./b", "a/ /b", "..\\hidden", "a\\..\\..\\hidden")


def _malformed() -> Iterator[str]:
    yield from ("", ".", "..", "/", "//", "a/", "/a", "a//b", "./a", "a/..", "a/../a", "a/.", "a\x00", "\x00")
    yield from (
        "a\n",
        "a\r\nb",
        "\x1b[2J",
        "a\x7f",
        "\u202ea",
        "a\u200b",
        "\ud800",
        "\udcff",
        "%00",
        "a%00.js",
    )
    yield from ("x" * 256, "é" * 128, "a/" * 3000 + "a", "%41")


def _lookalikes() -> Iterator[str]:
    for climb, slash in product(("\uff0e\uff0e", "\u2025", "..;", "\u2024\u2024"), ("/", "\uff0f", "\u2215")):
        yield slash.join([climb] * 8 + [TARGETS[0].replace("/", slash)])
    for target in TARGETS:
        yield f"~/{target}"


HOSTILE_PATHS = tuple(
    dict.fromkeys(
        [
            *_climbing(),
            *(way for target in TARGETS for way in ways_to(f"/{target}")),
            *_of_other_systems(),
            *_malformed(),
        ]
    )
)

LOOKALIKES = tuple(_lookalikes())
