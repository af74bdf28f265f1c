"""aiohttp reads certificates when it needs them, and then believes those that it always believed."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
from pathlib import Path

from tests.helpers.certificates import Authority

CLIENT = """
import asyncio, json, ssl, sys

from runner_bridge.lazy_aiohttp import aiohttp
contexts = [value for value in vars(aiohttp.connector).values() if isinstance(value, ssl.SSLContext)]

async def ask(url):
    async with aiohttp.ClientSession() as session:
        try:
            async with session.get(url) as response:
                return await response.text()
        except aiohttp.ClientConnectorCertificateError:
            return "not believed"

before = [context.cert_store_stats()["x509"] for context in contexts]
answers = [asyncio.run(ask(sys.argv[1])) for _ in range(2)]
ordinary = ssl.create_default_context().cert_store_stats()["x509"]
print(json.dumps({"before": before, "answers": answers, "ordinary": ordinary}))
"""


async def asked(url: str, **environment: str) -> dict[str, object]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CLIENT, url),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    out, _ = await process.communicate()
    found: dict[str, object] = json.loads(out)
    return found


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
    await writer.drain()
    writer.close()


async def test_certificates_are_read_at_the_first_connection_and_checked_as_ever(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.certificate("127.0.0.1"))
    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        believed = await asked(url, SSL_CERT_FILE=str(authority.path))
        assert believed == {"before": [0, 0], "answers": ["hello", "hello"], "ordinary": 1}
        doubted = await asked(url, SSL_CERT_FILE=str(tmp_path / "none.pem"))
        assert doubted["answers"] == ["not believed", "not believed"]
