"""`./retail pgadmin` for real: pgAdmin from its lock, and the warehouse read through its own interface."""

from __future__ import annotations

import json
import re
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy.engine import make_url

from stack.services.pgadmin import NAME
from tests.pgadmin_client import PgAdmin, opened
from tests.ports import free_port
from tests.postgres_server import PASSWORD
from tests.retail_cli import Retail, Running, retail

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\?key=[\w-]+")
SERVER = "Retail warehouse (read-only)"
READY = "Ctrl-C ends"
IN_USE = "select count(*) from pg_locks join pg_stat_activity using (pid) where usename = 'retail_reader'"


@pytest.fixture(scope="module")
def cli() -> Iterator[Retail]:
    """A RETAIL_HOME in which pgAdmin is installed."""
    with retail(PGADMIN_PORT=str(free_port())) as command:
        made = command("env", "make", NAME, seconds=600)
        if "cannot be installed" in made.err:
            pytest.skip(f"NOT PROVED: that pgAdmin reads the warehouse. {made.err}")
        assert made.code == 0, made.err
        yield command


def address_of(running: Running) -> str:
    running.says(READY, 280)
    (address,) = ADDRESS.findall(running.said())
    return str(address)


def assert_reads_as_the_reader(page: PgAdmin) -> None:
    """Connects without a password, sees the one database, reads, and cannot write."""
    place = page.servers()[SERVER]
    connected = page.connect(*place)
    assert (connected.status_code, connected.json()["info"]) == (200, "Server connected."), connected.text
    (database,) = page.databases(*place).items()
    assert database[0] == "retail"
    asked = "select current_user::text, count(*)::int from silver.sales_product"
    assert page.query(*place, database[1], asked) == [["retail_reader", 0]]
    with pytest.raises(AssertionError, match="permission denied for table sales_product"):
        page.query(*place, database[1], "set transaction_read_only = off; delete from silver.sales_product")


def assert_only_who_has_the_key_gets_in(address: str) -> None:
    """Other accounts of the machine, and pages of other sites in the browser of the one user."""
    base = address.partition("?")[0]
    answers = {path: httpx.get(base + path, trust_env=False).status_code for path in ("", "browser/", "misc/ping")}
    assert answers == {"": 401, "browser/": 401, "misc/ping": 401}
    assert httpx.get(f"{base}?key=guessed", trust_env=False).status_code == 401
    assert httpx.get(address, headers={"Host": "shop.example.org"}, trust_env=False).status_code == 403
    web_socket = f"{base}socket.io/?EIO=4&transport=polling"
    assert httpx.get(web_socket, headers={"Origin": "http://shop.example.org"}, trust_env=False).status_code == 400
    assert httpx.get(web_socket, headers={"Origin": base.rstrip("/")}, trust_env=False).status_code == 200


def assert_its_process_knows_no_secret_but_its_key(cli: Retail) -> None:
    process = psutil.Process(json.loads((cli.home.run / f"{NAME}.json").read_text())["pid"])
    secrets = json.loads((cli.home.path / "secrets.json").read_text())
    words = str(process.environ()) + str(process.cmdline())
    assert {name for name, word in secrets.items() if word in words} == {"pgadmin_key"}
    assert {one.laddr.ip for one in process.net_connections() if one.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def files_that_hold(cli: Retail, secret: str) -> set[str]:
    """Files of this RETAIL_HOME, without those of Postgres and of the installed packages."""
    others = [cli.home.path / "postgres", cli.home.path / "environments"]
    files = [one for one in cli.home.path.rglob("*") if one.is_file() and not any(o in one.parents for o in others)]
    assert len(files) > 5, "this would check nothing"
    return {str(one.relative_to(cli.home.path)) for one in files if secret.encode() in one.read_bytes()}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_pgadmin_reads_the_warehouse_as_its_reader_and_asks_for_no_password(cli: Retail) -> None:
    with cli.start("pgadmin") as running, opened(address_of(running)) as page:
        assert_reads_as_the_reader(page)
        assert cli("psql", "-XAtc", IN_USE).out == "0\n"  # what is connected and idle keeps no table from a build
        assert_only_who_has_the_key_gets_in(address_of(running))
        assert_its_process_knows_no_secret_but_its_key(cli)
        listed = {one["name"]: one for one in cli("status", "--json").json()["services"]}
        assert (listed[NAME]["state"], listed[NAME]["address"]) == ("running", address_of(running))
        assert address_of(running) in cli("status").out
        kept = cli("env", "remove", "pgadmin")
        assert (kept.code, "the environment pgadmin is in use" in kept.err) == (1, True)
        assert running.press_ctrl_c() == 130
    assert cli.processes() == []
    assert NAME not in {one["name"] for one in cli("status", "--json").json()["services"]}

    secrets = json.loads((cli.home.path / "secrets.json").read_text())
    assert files_that_hold(cli, secrets["postgres_reader"]) == {"secrets.json", "pgadmin/passfile"}
    assert files_that_hold(cli, secrets["pgadmin_key"]) == {"secrets.json"}
    found = [*(cli.home.path / NAME).rglob("*"), cli.home.path / NAME]
    assert [one for one in found if stat.S_IMODE(one.stat().st_mode) & 0o077] == []
    packages = cli.home.path / "environments" / NAME
    assert [*packages.rglob("pgAdmin4.py")]
    assert [*packages.rglob("config_local.py"), *packages.rglob("config_system.py")] == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_pgadmin_finds_a_warehouse_that_has_moved_to_another_port_and_down_ends_it(cli: Retail) -> None:
    ports = [str(free_port()), str(free_port())]
    for port in ports:
        with cli.start("pgadmin", POSTGRES_PORT=port) as running, opened(address_of(running)) as page:
            assert len(page.servers()) == 1
            assert_reads_as_the_reader(page)
            assert f":{port}:" in (cli.home.path / NAME / "passfile").read_text().replace("127.0.0.1", "")
            assert cli("down", "--json").json()["commands"] == ["pgadmin"]
            assert running.process.wait(60) == 128 + 15
        assert cli.processes() == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_pgadmin_asks_for_the_password_of_a_warehouse_of_the_users(cli: Retail, database_url: str) -> None:
    with cli.start("pgadmin", DATABASE_URL=database_url) as running, opened(address_of(running)) as page:
        assert "READER_DATABASE_URL is not set: pgAdmin asks for the password of retail_reader" in running.said()
        (place,) = page.servers().values()
        asked = page.connect(*place)
        assert (asked.status_code, asked.json()["result"]["prompt_password"]) == (428, True), asked.text
        refused = page.connect(*place, password="wrong")
        assert refused.status_code == 401
        assert str(make_url(database_url).port) in refused.text
        process = psutil.Process(json.loads((cli.home.run / f"{NAME}.json").read_text())["pid"])
        assert PASSWORD not in str(process.environ())
        assert running.press_ctrl_c() == 130
    assert files_that_hold(cli, PASSWORD) == set()


@pytest.mark.slow
def test_a_pgadmin_that_cannot_start_ends_with_the_end_of_its_log(cli: Retail) -> None:
    log = cli.home.path / NAME / "pgadmin4.log"
    log.unlink(missing_ok=True)
    log.mkdir(parents=True)
    try:
        failed = cli("pgadmin")
    finally:
        log.rmdir()
    assert failed.code == 1
    assert "error: pgadmin ended with exit code 1" in failed.err
    assert "IsADirectoryError" in failed.err
    assert cli.processes() == []


# ---------------------------------------------------------------- what needs no pgAdmin


@pytest.fixture
def without() -> Iterator[Retail]:
    """A RETAIL_HOME in which nothing is installed, on a machine without a network."""
    nowhere = f"http://127.0.0.1:{free_port()}/simple"
    with retail(UV_DEFAULT_INDEX=nowhere, UV_HTTP_RETRIES="0", PIP_INDEX_URL=nowhere, PIP_RETRIES="0") as command:
        yield command


def test_a_taken_port_is_refused_before_anything_is_installed(without: Retail) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = without("pgadmin", PGADMIN_PORT=str(port))
    assert refused.code == 3
    assert f"PGADMIN_PORT={port} is taken" in refused.err
    assert not (without.home.path / "environments").exists()


def test_a_second_pgadmin_at_once_is_refused(without: Retail) -> None:
    without.home.prepare()
    with without.home.try_locked(NAME):
        refused = without("pgadmin")
    assert (refused.code, "another ./retail pgadmin is serving already" in refused.err) == (1, True)


@pytest.mark.slow
def test_without_a_network_it_names_the_log_and_starts_nothing(without: Retail, tmp_path: Path) -> None:
    ended = without("pgadmin", UV_CACHE_DIR=str(tmp_path), PIP_CACHE_DIR=str(tmp_path))
    assert ended.code == 1
    assert "the environment pgadmin cannot be installed" in ended.err
    assert f"log: {without.home.path}/environments/pgadmin.log" in ended.err
    assert not (without.home.path / "postgres").exists()
    assert without.processes() == []
