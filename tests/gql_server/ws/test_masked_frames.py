"""A client that does not mask its frames is closed with 1002, however they arrive; masked ones pass unchanged."""

from __future__ import annotations

import asyncio
import itertools
import struct

from hypothesis import given
from hypothesis import strategies as st

from gql_server.ws.masked_frames import NO_FRAME, MaskedFrames
from tests.helpers.raw_http import ANSWER_S
from tests.helpers.site import Site

TEXT, CONTINUATION, CLOSE, PING = 0x81, 0x80, 0x88, 0x89
HANDSHAKE = (
    "GET /graphql HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
INIT = b'{"type": "connection_init"}'


def frame(payload: bytes, first: int = TEXT, *, masked: bool = True) -> bytes:
    """A frame of a client; its mask is four zeros, which leave the payload as it is."""
    bit = 0x80 if masked else 0
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, bit | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    return head + (bytes(4) if masked else b"") + payload


class Sink:
    """Takes what a reader of frames is fed."""

    def __init__(self) -> None:
        self.data = b""

    def feed_eof(self) -> None:
        pass

    def feed_data(self, data: bytes, /) -> tuple[bool, bytes]:
        self.data += data
        return False, b""


def fed(data: bytes, cuts: list[int]) -> bytes:
    """What a reader sees of `data` that arrives in parts."""
    sink = Sink()
    frames = MaskedFrames(sink)
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for begin, end in itertools.pairwise(edges):
        frames.feed_data(data[begin:end])
        if NO_FRAME in sink.data:
            break
    return sink.data


SIZES = st.sampled_from([0, 1, 125, 126, 127, 300, 65535, 65536, 70_000])
CUTS = st.lists(st.integers(0, 300_000), max_size=12) | st.just(list(range(40)))


@given(st.lists(SIZES, max_size=4), CUTS)
def test_masked_frames_pass_unchanged_however_they_are_cut(sizes: list[int], cuts: list[int]) -> None:
    data = b"".join(frame(b"a" * size) for size in sizes)
    assert fed(data, cuts) == data


@given(st.lists(SIZES, max_size=3), SIZES, CUTS)
def test_the_first_frame_without_a_mask_is_none_however_it_is_cut(
    sizes: list[int], size: int, cuts: list[int]
) -> None:
    masked = b"".join(frame(b"a" * size) for size in sizes)
    assert fed(masked + frame(b"b" * size, masked=False), cuts) == masked + NO_FRAME


async def closing(site: Site, *parts: bytes) -> int:
    """The close code after these bytes, sent one after the other once the handshake is done."""
    host = site.base.removeprefix("http://")
    name, _, port = host.rpartition(":")
    async with asyncio.timeout(ANSWER_S):
        reader, writer = await asyncio.open_connection(name, int(port))
        writer.write(HANDSHAKE.format(host=host).encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        for part in parts:
            writer.write(part)
            await writer.drain()
        while True:
            first, size = await reader.readexactly(2)
            payload = await reader.readexactly(size)
            if first == CLOSE:
                writer.close()
                return int.from_bytes(payload[:2])


async def test_a_frame_without_a_mask_closes_the_socket_with_1002(site: Site) -> None:
    init, bare = frame(INIT), frame(INIT, masked=False)
    ping = frame(b"", PING, masked=False)
    for parts in (
        *((bare,), (ping,), (init, ping), (init + ping,), (init, bare[:1], bare[1:])),
        *((frame(b"", CLOSE, masked=False),), tuple(bytes([byte]) for byte in init + bare)),
        (frame(INIT[:5], 0x01), frame(INIT[5:], CONTINUATION, masked=False)),
    ):
        assert await closing(site, *parts) == 1002, parts
    assert await closing(site, *(bytes([byte]) for byte in init + frame(b"\x03\xe8", CLOSE))) == 1000
