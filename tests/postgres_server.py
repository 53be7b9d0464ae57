"""A throw-away Postgres for the tests, from the same binaries as the platform's own."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from stack.services.postgres.account import postgres_account
from stack.services.postgres.files import find_binaries, runnable_binaries
from tests.ports import free_port

PASSWORD = "only-for-tests"


@dataclass(frozen=True)
class PostgresServer:
    port: int

    def url(self, database: str) -> str:
        return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{self.port}/{database}"


@contextmanager
def running_server(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[PostgresServer]:
    """Durability is off: nothing in these databases outlives the session. `environment` takes the place of ours."""
    data = Path(tempfile.mkdtemp(prefix="retail-tests-"))
    port = free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
    options += " -c fsync=off -c full_page_writes=off"
    try:
        _prepare(data, folder)
        start = ("-D", str(data / "cluster"), "-o", options, "-l", str(data / "log"), "-w", "start")
        _run("pg_ctl", *start, environment=environment)
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
    # dbt connects for each model: a password that is slow to try out would be a part of every build.
    _run(
        "initdb", "-D", str(data / "cluster"), "-U", "postgres", "--auth=scram-sha-256", "--encoding=UTF8",
        f"--pwfile={password}", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync",
        "-c", "scram_iterations=1",
    )  # fmt: skip


@cache
def postgres_programs() -> Path:
    """The folder of Postgres' programs. As root in a checkout that others cannot enter: a copy, until the tests end."""
    binaries, account = find_binaries(None), postgres_account("nobody")
    if account.can_run(binaries / "postgres"):
        return binaries
    folder = Path(tempfile.mkdtemp(prefix="retail-tests-programs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    return runnable_binaries(binaries, folder, account)


def _run(program: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
    command = [str(postgres_programs() / program), *arguments]
    # Postgres refuses to run as root; "nobody" exists wherever root does.
    account = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, check=True, cwd="/", env=environment, **quiet, **account)
