"""An OpenAI-compatible endpoint that behaves as badly as it is told to.

    python tests/helpers/fake_llm.py --mode=MODE

Listens on a free port of 127.0.0.1 and prints it; then prints each request as a line of JSON. Needs nothing
but the standard library, and cryptography for a certificate that nobody trusts in mode `tls`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import ssl
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STATUSES = {
    "unauthorized": 401,
    "forbidden": 403,
    "not-found": 404,
    "rejected": 422,
    "rate-limited": 429,
    "broken": 500,
}
ENDLESS_BYTES = 64 * 1024 * 1024


class Endpoint(BaseHTTPRequestHandler):
    mode = "ok"

    def do_GET(self) -> None:
        self._tell(None)
        self._misbehave({"object": "list", "data": [{"id": "a-model"}]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._tell(json.loads(body))
        self._misbehave({"choices": [{"message": {"role": "assistant", "content": "p"}}]})

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: what is told is told on standard output."""

    def _tell(self, body: Any) -> None:
        request = {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body}
        print(json.dumps(request), flush=True)

    def _misbehave(self, answer: dict[str, Any]) -> None:
        match self.mode:
            case "hang":
                threading.Event().wait(600)
            case "close":
                self.close_connection = True
            case "garbage":
                self.wfile.write(b"\x00\x01 what? \xff\r\n\r\n")
            case "redirect":
                self._answer(302, b"", Location="http://169.254.169.254/latest/meta-data")
            case "html":
                self._answer(200, b"<html>a page</html>")
            case "other-json":
                self._answer(200, b'{"data": "none", "choices": {}}')
            case "endless":
                self._endless()
            case mode if mode in STATUSES:
                said = self.headers.get("Authorization", self.headers.get("X-API-Key", "nothing"))
                error = {"error": {"message": f"cannot take {said}\x1b[2J\nnor this", "type": mode}}
                self._answer(STATUSES[mode], json.dumps(error).encode())
            case _:
                self._answer(200, json.dumps(answer).encode())

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(ENDLESS_BYTES // 65536):
            self.wfile.write(b" " * 65536)


def certificate(directory: str) -> str:
    """A certificate that is right in everything but in who signed it; its key in the same file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = f"{directory}/certificate.pem"
    with open(path, "wb") as file:
        file.write(made.public_bytes(serialization.Encoding.PEM))
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    return path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", default="ok")
    Endpoint.mode = parser.parse_args().mode
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    server.daemon_threads = True
    if Endpoint.mode == "tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as directory:
            context.load_cert_chain(certificate(directory))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
