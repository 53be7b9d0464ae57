"""What pgAdmin is given: a server in its list, a login in a file, and nothing else of ours."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from medallion.settings import PROJECT_ROOT
from stack.host.environments import LOCKS
from stack.host.home import Home
from stack.host.settings import StackSettings
from stack.services.pgadmin import pgadmin_address, pgadmin_service, server_of, server_without_password
from stack.services.warehouse import reader_url

READER = "postgresql://retail_reader:a%3Ab%5Cc@127.0.0.1:5433/retail"


def test_the_login_is_in_a_file_that_only_its_owner_reads(home: Home) -> None:
    server = server_of(home, READER)
    file = Path(server["connection_params"]["passfile"])
    assert file.read_text() == "127.0.0.1:5433:*:retail_reader:a\\:b\\\\c\n"
    assert [stat.S_IMODE(one.stat().st_mode) for one in (file, file.parent)] == [0o600, 0o700]
    assert (server["host"], server["port"], server["username"]) == ("127.0.0.1", 5433, "retail_reader")
    assert (server["maintenance_db"], server["db_res"]) == ("retail", "retail")
    assert "a:b" not in str(server)


def test_the_login_of_a_setting_is_used_with_its_own_name(home: Home) -> None:
    settings = StackSettings(
        database_url="postgresql://me:mine@db/mine", reader_database_url="postgresql://looker:canary@db/mine"
    )
    url = reader_url(home, settings)
    assert url == "postgresql://looker:canary@db/mine"
    assert server_of(home, url)["username"] == "looker"
    assert reader_url(home, StackSettings(database_url="postgresql://me:mine@db/mine")) is None


def test_a_start_writes_the_file_again(home: Home) -> None:
    server_of(home, READER)
    server_of(home, READER.replace("5433", "5999"))
    assert (home.path / "pgadmin" / "passfile").read_text().startswith("127.0.0.1:5999:*:")


def test_a_warehouse_of_the_users_is_listed_as_the_reader_with_its_options_and_without_a_password() -> None:
    address = "postgresql://me:canary@db.example.org/mine?sslmode=verify-full&sslrootcert=/ca.pem&options=-csome"
    server = server_without_password(address)
    assert (server["host"], server["port"], server["maintenance_db"]) == ("db.example.org", 5432, "mine")
    assert server["username"] == "retail_reader"
    assert server["connection_params"] == {
        "sslmode": "verify-full",
        "connect_timeout": 10,
        "sslrootcert": "/ca.pem",
    }
    assert "canary" not in str(server)


def test_a_warehouse_on_a_socket_is_listed_by_its_folder() -> None:
    assert server_without_password("postgresql:///mine?host=/run/postgresql")["host"] == "/run/postgresql"


def test_pgadmin_gets_no_setting_and_no_secret_but_its_key(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:canary@db/mine")
    monkeypatch.setenv("PGPASSWORD", "canary")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:canary@proxy")
    home.secret("postgres_reader")
    service = pgadmin_service(home, Path("/environment/bin"), 5050, server_of(home, READER))
    assert "canary" not in str(service.environment)
    assert home.secret("postgres_reader") not in str(service.environment)
    key = service.environment["PGADMIN_INT_KEY"]
    assert key == home.secret("pgadmin_key")
    assert key not in str(service.command)
    assert pgadmin_address(home, 5050) == f"http://127.0.0.1:5050/?key={key}"


def test_one_machine_and_the_containers_have_the_same_version() -> None:
    (image,) = re.findall(r"dpage/pgadmin4:([\d.]+)", (PROJECT_ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    (locked,) = re.findall(r"^pgadmin4==([\d.]+)", (LOCKS / "pgadmin.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert image == locked
