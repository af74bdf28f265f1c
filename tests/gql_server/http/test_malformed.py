"""Requests that never come to the application: refused in our form, told in one line without their content."""

from __future__ import annotations

import socket
import struct

import pytest

from gql_server.http.headers import SECURITY_HEADERS
from tests.helpers.command_line import MakeServer, Server
from tests.helpers.raw_http import RawAnswer, RawClient

CANARY = b"canary-4711-do-not-log"
SECRET = b"Authorization: Bearer " + CANARY + b"\r\n"
QUERY = b'{"query": "{ __typename }"}'

# A server process starts here, and other tests share the cores.
pytestmark = pytest.mark.timeout(180)


def request(first: bytes = b"GET / HTTP/1.1", *headers: bytes, host: bytes = b"Host: {host}") -> bytes:
    return b"\r\n".join((first, host, *headers)) + b"\r\n" + SECRET + b"\r\n"


MALFORMED = {
    "a control character in a header": request(b"GET / HTTP/1.1", b"X-Odd: a\x01" + CANARY),
    "a control character in the authorization": request(b"GET / HTTP/1.1", b"Authorization: \x00" + CANARY),
    "a bare carriage return": request(b"GET / HTTP/1.1", b"X-Odd: a\rb" + CANARY),
    "a header without a colon": request(b"GET / HTTP/1.1", b"X-Odd " + CANARY),
    "a header without a name": request(b"GET / HTTP/1.1", b": " + CANARY),
    "a space before the colon": request(b"GET / HTTP/1.1", b"X-Odd : " + CANARY),
    "a folded header": request(b"GET / HTTP/1.1", b"X-Odd: a\r\n " + CANARY),
    "two hosts": request(b"GET / HTTP/1.1", b"Host: " + CANARY),
    "a version that there is not": request(b"GET /" + CANARY + b" HTTP/9.9"),
    "another protocol": request(b"GET / SPDY/" + CANARY),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + CANARY,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + CANARY + b"\r\n\r\n",
    "no request": CANARY + b"\r\n\r\n",
    "a method of odd characters": request(b"G\x7fT /" + CANARY + b" HTTP/1.1"),
    "an address that is none": request(b"GET http://[" + CANARY + b" HTTP/1.1"),
    "a request line that is too long": request(b"GET /" + CANARY + b"x" * 70_000 + b" HTTP/1.1"),
    "a header that is too long": request(b"GET / HTTP/1.1", b"X-Long: " + CANARY + b"x" * 70_000),
    "too many headers": request(b"GET / HTTP/1.1", *(b"X-%d: " % n + CANARY for n in range(5000))),
    "a length that is none": request(b"POST /graphql HTTP/1.1", b"Content-Length: -5"),
    "two lengths": request(b"POST /graphql HTTP/1.1", b"Content-Length: 5", b"Content-Length: 6"),
    "a length and chunks": request(
        b"POST /graphql HTTP/1.1", b"Content-Length: 5", b"Transfer-Encoding: chunked"
    ),
    "an unknown transfer encoding": request(b"POST /graphql HTTP/1.1", b"Transfer-Encoding: " + CANARY),
}


def assert_in_our_form(answer: RawAnswer, name: str) -> None:
    assert (
        answer.headers.items()
        >= {**SECURITY_HEADERS, "Server": "reev-gql", "Cache-Control": "no-store"}.items()
    ), name
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8", name
    assert answer.error["message"] and answer.error["extensions"]["code"], name
    assert CANARY not in answer.body, name
    for word in (b"aiohttp", b"Python", b"Traceback"):
        assert word not in answer.body and word.decode() not in str(answer.headers), (name, word)


def lines(server: Server) -> list[str]:
    return server.stderr.read_text().splitlines()


async def sent(server: Server, data: bytes) -> RawAnswer:
    async with RawClient(server.base) as client:
        return await client.send(data.replace(b"{host}", client.host.encode()))


async def test_what_is_malformed_is_refused_in_our_form_and_told_in_one_line_each(
    make_server: MakeServer,
) -> None:
    server = await make_server(REEV_GQL_WORKER="false")
    before = len(lines(server))
    for name, data in MALFORMED.items():
        answer = await sent(server, data)
        assert answer.status == 400, name
        assert answer.error["extensions"]["code"] == "BAD_REQUEST", name
        assert_in_our_form(answer, name)
    told = lines(server)[before:]
    assert [line.split()[1:3] for line in told] == [["info", "malformed_request"]] * len(MALFORMED), told
    assert CANARY.decode() not in "".join(told)
    for encoding in (b"br", b"zstd", b"BR"):
        answer = await sent(
            server,
            request(
                b"POST /graphql HTTP/1.1",
                *(b"Content-Type: application/json", b"Content-Encoding: " + encoding, b"Content-Length: 5"),
            )
            + b"abcde",
        )
        assert (answer.status, answer.error["extensions"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
        assert answer.headers["Accept-Encoding"] == "identity, gzip, deflate"
        assert_in_our_form(answer, encoding.decode())
    answers = {
        404: await sent(server, request(b"GET /nothing/" + CANARY + b" HTTP/1.1")),
        405: await sent(server, request(b"POST /healthz HTTP/1.1")),
        417: await sent(server, request(b"GET /healthz HTTP/1.1", b"Expect: " + CANARY)),
    }
    for status, answer in answers.items():
        assert answer.status == status
        assert_in_our_form(answer, str(status))
    assert answers[405].headers["Allow"] == "GET,HEAD"
    assert CANARY.decode() not in server.stderr.read_text()
    assert not [line for line in lines(server) if line.split()[1] in ("warning", "error", "critical")]
    await leaves_in_the_middle(server)


HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


async def leaves_in_the_middle(server: Server) -> None:
    """Clients that leave in the middle of a handshake, a request or an answer are nothing to be told of."""
    host = f"127.0.0.1:{server.port}".encode()
    body = b'{"query": "{ executions { nodes { id } } }"}'
    post = (
        b"POST /graphql HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % (host, len(body))
    )
    handshake = HANDSHAKE.replace(b"{host}", host)
    before = len(lines(server))
    for data in (
        handshake,
        handshake[:60],
        handshake[:-2],
        handshake + b"\x81\xfe",
        post,
        post + body,
        post + b"{",
    ):
        for reset in (True, False):
            for _ in range(10):
                with socket.create_connection(("127.0.0.1", server.port)) as client:
                    if reset:
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    client.sendall(data)
    async with RawClient(server.base) as client:
        assert (await client.get(b"/healthz")).status == 200
    assert lines(server)[before:] == []
