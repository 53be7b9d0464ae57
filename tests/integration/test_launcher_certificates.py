"""An install through a server whose certificate only the user trusts, as behind a proxy of a company: pip and uv."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from medallion.settings import PROJECT_ROOT
from stack.commands.shifted_dates import unshifted
from tests.certificates import authority_and_server
from tests.launcher_tree import Tree, assert_three_lines, locked, make_tree

pytestmark = pytest.mark.slow
OF_THE_USER = ("PIP_", "UV_", "SSL_", "REQUESTS_CA", "CURL_CA")


class Files(SimpleHTTPRequestHandler):
    def log_message(self, *_words: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package index as files: the installer, and the package that a tree locks."""
    folder = tmp_path_factory.mktemp("index")
    lock = folder / "lock.txt"
    lock.write_text((PROJECT_ROOT / "stack" / "requirements-bootstrap.txt").read_text() + locked("iniconfig"))
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--retries", "0"]
    tried = subprocess.run(
        [*command, "-r", str(lock), "-d", str(folder / "wheels")],
        env=unshifted(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode != 0:
        pytest.skip(f"no package index can be reached: {tried.stderr.strip().splitlines()[-1:]}")
    for wheel in (folder / "wheels").iterdir():
        listing = folder / "simple" / wheel.name.split("-")[0] / "index.html"
        listing.parent.mkdir(parents=True)
        listing.write_text(f'<!DOCTYPE html><a href="/wheels/{wheel.name}">{wheel.name}</a>')
    return folder


@pytest.fixture(scope="module")
def authority(packages: Path) -> Path:
    return authority_and_server(packages, "localhost")[0]


@pytest.fixture(scope="module")
def index(packages: Path, authority: Path) -> Iterator[str]:
    """The address of that index, behind a certificate of that authority."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(packages)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.with_name("server.pem"))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}/simple"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def tree(tmp_path: Path, index: str, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A tree that may install from there alone, and that trusts what the machine trusts."""
    for name in [name for name in os.environ if name.startswith(OF_THE_USER)]:
        monkeypatch.delenv(name)
    given = {"PIP_INDEX_URL": index, "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0", "NO_PROXY": "localhost"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return make_tree(tmp_path / "tree")


@pytest.mark.parametrize("variable", ["PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_certificates_that_the_user_names_hold_for_pip_and_uv(tree: Tree, authority: Path, variable: str) -> None:
    ended = tree.run(**{variable: str(authority)})
    assert ended.returncode == 0, ended.stderr
    assert list(tree.root.glob(".venv/lib/*/site-packages/iniconfig"))
    handed_over = json.loads(ended.stdout)["SSL_CERT_FILE"]
    assert handed_over == (str(authority) if variable == "SSL_CERT_FILE" else None)


def test_a_certificate_that_nobody_trusts_ends_the_install_with_the_setting_to_use(tree: Tree) -> None:
    ended = tree.run()
    assert_three_lines(ended, "could not be installed", "PIP_CERT=FILE")
    assert "certificate" in ended.stderr.lower()


def test_certificates_that_the_machine_trusts_hold_for_pip_and_uv(tree: Tree, authority: Path, tmp_path: Path) -> None:
    """Only this process and its children see the machine trust that authority."""
    store = Path("/etc/ssl/certs/ca-certificates.crt")
    if not store.is_file() or subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs Debian's certificates and the right to mount")
    both = tmp_path / "certificates"
    both.write_bytes(store.read_bytes() + authority.read_bytes())
    script = f'mount --bind "{both}" {store} && exec "$0" "$@"'
    ended = tree.run(by=("unshare", "-m", "sh", "-c", script, str(tree.launcher)))
    assert ended.returncode == 0, ended.stderr
