"""No secret is shown by a whole run, good or failed: not by the process list meanwhile, nor by what it leaves."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql

from stack.host.settings import StackSettings
from stack.services.postgres.roles import DATABASE_OF
from stack.services.warehouse import postgres_server
from tests.canaries import Watched, seen_in, watching
from tests.conftest import Source
from tests.ports import free_port
from tests.postgres_server import PostgresServer
from tests.retail_cli import Ended, Retail, retail

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
]

KEY = "canary:key/of the=source+"
WRONG_KEY = "canary:wrong/key of+the=source"
# Files whose purpose is to hold secrets, by the names of those they may hold; None: all.
SECRET_FILES: dict[str, set[str] | None] = {
    "secrets.json": None,
    "airflow/passwords.json": {"airflow_admin_password"},
}


@pytest.fixture(scope="module")
def cli() -> Iterator[Retail]:
    with retail() as command:
        yield command


def assert_silent(home: Path, said: bytes, watched: Watched, least_processes: int) -> None:
    """Nothing that was said, seen in the process list or left in a file shows a secret."""
    assert watched.samples > 50
    assert len(watched.processes) >= least_processes
    assert watched.in_command_lines == set()
    assert seen_in(said, watched.canaries) == []
    files = [file for file in home.rglob("*") if file.is_file()]
    assert len(files) > 20
    shown = {
        str(file.relative_to(home)): found
        for file in files
        if (found := seen_in(file.read_bytes() + str(file).encode(), watched.canaries))
    }
    for name, allowed in SECRET_FILES.items():
        found = set(shown.pop(name, ()))
        assert allowed is None or found <= allowed
    assert shown == {}


def secrets_of(cli: Retail) -> dict[str, str]:
    """The secrets that this RETAIL_HOME has made for itself: those of its services, made before their first start."""
    home = cli.home.prepare()
    for name in ("fernet_key", "jwt_secret", "api_secret_key", "admin_password"):
        home.secret(f"airflow_{name}")
    for name in ("postgres", *(f"postgres_{login.removeprefix('retail_')}" for login in DATABASE_OF)):
        home.secret(name)
    found: dict[str, str] = json.loads((cli.home.path / "secrets.json").read_text())
    assert min(map(len, found.values())) >= 32
    return found


def dumps(cli: Retail) -> dict[str, bytes]:
    """Every row of the warehouse and of Airflow's metadata, as text: files of the server may hold them packed."""
    server = postgres_server(cli.home, StackSettings(retail_home=cli.home.path))
    found = server.start(free_port())
    try:
        environment = {**os.environ, "PGPASSWORD": server.password}
        where = ["-h", "127.0.0.1", "-p", str(found.port), "-U", "postgres"]
        program = server.files.program("pg_dump")
        return {
            name: subprocess.run([program, *where, name], env=environment, check=True, capture_output=True).stdout
            for name in ("retail", "airflow")
        }
    finally:
        server.stop()


def everything_said(cli: Retail, *ended: Ended, **variables: str) -> bytes:
    """The words of the commands, and of those that tell of a run behind it."""
    asked = [cli("status", **variables), cli("status", "--json", **variables), cli("plan", "--json", **variables)]
    return "".join(one.out + one.err for one in (*ended, *asked)).encode()


def test_a_good_run_and_a_failed_one_on_the_platforms_own_services_show_no_secret(cli: Retail, source: Source) -> None:
    made = secrets_of(cli)
    canaries = {**made, "SOURCE_API_KEY": KEY, "wrong key": WRONG_KEY}
    with watching(str(cli.home.path), canaries) as watched:
        good = cli("run", "--json", seconds=400, SOURCE_API_KEY=KEY)
        failed = cli("run", "--json", seconds=400, SOURCE_API_URL=source.url, SOURCE_API_KEY=WRONG_KEY)
        said = everything_said(cli, good, failed, SOURCE_API_KEY=KEY)
    assert (good.code, failed.code) == (0, 4), good.err + failed.err
    assert_silent(cli.home.path, said, watched, least_processes=6)
    assert set(secrets_of(cli)) == set(made)  # it made no other one that was not looked for
    assert watched.environments_of("/bin/postgres") == set()
    assert watched.environments_of("uvicorn backend.main:app") <= {"SOURCE_API_KEY", "source_api_key"}
    assert "SOURCE_API_KEY" in watched.environments_of("airflow")  # a task pulls with it: the watch does see it
    for name, content in dumps(cli).items():
        assert b"retail_etl_hourly" in content
        assert seen_in(content, canaries) == [], name


@pytest.fixture
def strange(postgres_server: PostgresServer, database_url: str) -> Iterator[tuple[str, str]]:
    """A warehouse of the user's whose password needs escaping; its address and the password."""
    password, name = "canary@of/the:ware%house+é #?", "strange_owner"
    with psycopg2.connect(postgres_server.url("postgres")) as admin, admin.cursor() as cursor:
        cursor.execute(
            sql.SQL("create role {} superuser login password {}").format(sql.Identifier(name), sql.Literal(password))
        )
    from urllib.parse import quote

    yield database_url.replace("postgres:only-for-tests", f"{name}:{quote(password, safe='')}"), password
    with psycopg2.connect(database_url) as conn, conn.cursor() as cursor:
        cursor.execute(f"reassign owned by {name} to postgres")
        cursor.execute(f"drop owned by {name}")
    with psycopg2.connect(postgres_server.url("postgres")) as admin, admin.cursor() as cursor:
        cursor.execute(f"drop role {name}")


def test_a_run_on_a_warehouse_of_the_users_shows_no_password_that_needs_escaping(
    strange: tuple[str, str], source: Source, database_url: str
) -> None:
    address, password = strange
    canaries = {"password": password, "wrong key": WRONG_KEY}
    with retail(DATABASE_URL=address) as cli:
        with watching(str(cli.home.path), canaries) as watched:
            good = cli("run", "--json", seconds=400)
            failed = cli("run", seconds=400, SOURCE_API_URL=source.url, SOURCE_API_KEY=WRONG_KEY)
            said = everything_said(cli, good, failed)
        assert (good.code, failed.code) == (0, 4), good.err + failed.err
        assert_silent(cli.home.path, said, watched, least_processes=4)
        assert watched.environments_of("uvicorn backend.main:app") == set()
        rows: Any = []
        with psycopg2.connect(database_url) as conn, conn.cursor() as cursor:
            for table in ("meta.load", "meta.incident", "meta.incident_message", "meta.bronze_file"):
                cursor.execute(f"select t::text from {table} as t")
                rows += cursor.fetchall()
    assert len(rows) > 10
    assert seen_in(str(rows).encode(), canaries) == []
