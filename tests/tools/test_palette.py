"""Pictures with a palette show what the pictures showed that they were made of."""

from __future__ import annotations

import struct
import zlib

import pytest

from tools.palette import (
    COLOURS,
    RGB,
    SIGNATURE,
    Colour,
    _chunk,
    _chunks,
    _paeth,
    decoded,
    with_palette,
)


def encoded(rows: list[list[Colour]]) -> bytes:
    """As Chromium writes it, its five filters in turn."""
    lines, above = bytearray(), bytes(3 * len(rows[0]))
    for number, row in enumerate(rows):
        plain, kind = b"".join(map(bytes, row)), number % 5
        left, corner = bytes(3) + plain[:-3], bytes(3) + above[:-3]
        guesses = {
            0: bytes(len(plain)),
            1: left,
            2: above,
            3: bytes((a + b) // 2 for a, b in zip(left, above, strict=True)),
            4: bytes(map(_paeth, left, above, corner)),
        }
        lines += bytes([kind]) + bytes((a - b) % 256 for a, b in zip(plain, guesses[kind], strict=True))
        above = plain
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, RGB, 0, 0, 0)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(lines)) + _chunk(b"IEND", b"")


def shown(picture: bytes) -> list[list[Colour]]:
    """What a picture with a palette shows."""
    chunks = dict(_chunks(picture))
    width = struct.unpack_from(">I", chunks[b"IHDR"])[0]
    colours = [(r, g, b) for r, g, b in struct.iter_unpack("BBB", chunks[b"PLTE"])]
    data = zlib.decompress(chunks[b"IDAT"])
    starts = range(0, len(data), width + 1)
    return [[colours[index] for index in data[at + 1 : at + 1 + width]] for at in starts]


def test_few_colours_stay_as_they_are_whatever_the_filters() -> None:
    rows: list[list[Colour]] = [[(x * 40, y * 20, (x * y) % 7) for x in range(6)] for y in range(10)]
    assert decoded(encoded(rows)) == (6, rows)
    assert shown(with_palette(encoded(rows))) == rows


def test_of_many_colours_the_rare_ones_become_their_neighbours() -> None:
    frequent: list[Colour] = [(number, number, 0) for number in range(COLOURS)]
    rows = [frequent, frequent, [(200, 200, 3), *frequent[1:]]]
    assert shown(with_palette(encoded(rows))) == [frequent, frequent, [(200, 200, 0), *frequent[1:]]]


def test_other_pictures_are_refused() -> None:
    grey = encoded([[(1, 2, 3)]]).replace(struct.pack(">BB", 8, RGB), struct.pack(">BB", 8, 0), 1)
    with pytest.raises(ValueError, match="not a picture"):
        with_palette(grey)
