"""The key goes to no server whose certificate nobody vouches for, on this very machine neither."""

from __future__ import annotations

import ssl
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ingestion.api.client import SourceClient
from medallion.errors import SourceUnavailable
from medallion.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Source(HTTPServer):
    """Answers every request with a page of nothing, and remembers it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.address = f"https://localhost:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Source)
        self.server.asked.append(self.path)
        body = b'{"items":[],"count":0,"has_more":false,"next_cursor":null}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Nothing."""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost that it signed itself, with its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "source")])
    now = datetime.now(timezone.utc)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file = tmp_path / "source.pem"
    file.write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()) + signed.public_bytes(pem))
    return file


@pytest.fixture
def source(certificate: Path) -> Iterator[Source]:
    """A source behind that certificate."""
    server = Source()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_certificate_that_nobody_vouches_for_is_refused(source: Source) -> None:
    assert httpx.get(source.address, verify=False, trust_env=False).is_success  # noqa: S501 - who asks for no proof
    source.asked.clear()
    settings = Settings(
        source_api_url=source.address, source_api_key="a-secret-key", source_retry_attempts=1, source_retry_seconds=5
    )
    with SourceClient(settings) as client, pytest.raises(SourceUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        client.page("sales", None)
    assert not source.asked
