"""Real parts for the tests: an embedded Postgres, a database cloned per test, the source API over HTTP."""

from __future__ import annotations

import gc
import os
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import uvicorn
from psycopg2 import sql
from psycopg2.extensions import connection

from backend.data import DataSet
from backend.main import create_app
from backend.settings import SourceSettings
from medallion import schema
from medallion.database import connect
from medallion.schema import prepare_schema
from medallion.settings import Settings
from stack.commands.checks import is_pipeline_setting
from tests.homes import emptied, spare_dbt_its_callers, spare_dbt_its_debug_log, spare_libfaketime_the_environment
from tests.postgres_server import PostgresServer, running_server
from tests.slow_share import chosen_share, left_out
from tests.workers import BySharedFixture

KEY = "key-of-the-tests"
START = datetime(2026, 11, 2, tzinfo=timezone.utc)
NOON = datetime(2026, 11, 6, 12, tzinfo=timezone.utc)


def pytest_configure() -> None:
    """No test may meet what the user has configured, however pytest was started."""
    for name in [name for name in os.environ if is_pipeline_setting(name)]:
        del os.environ[name]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the chosen share of the slow tests."""
    others = left_out(items, chosen_share(os.environ))
    if others:
        names = {item.nodeid for item in others}
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item.nodeid not in names]


def pytest_collection_finish() -> None:
    """Leave what the tests share out of garbage collection: going through it took a quarter of each build of Gold."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.hookimpl(optionalhook=True)  # pytest may be run without xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> BySharedFixture:
    return BySharedFixture(config, log)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """One server for the session, ended with it."""
    with running_server(tmp_path_factory.mktemp("postgres", numbered=True)) as server:
        yield server


@pytest.fixture(scope="session")
def template(postgres_server: PostgresServer) -> str:
    """A database with the schema applied, from which each test's is cloned."""
    name = "template_retail"
    _administer(postgres_server, "create database {}", name)
    with connect(postgres_server.url(name)) as conn:
        prepare_schema(conn)
    return name


@pytest.fixture
def database_url(postgres_server: PostgresServer, template: str) -> Iterator[str]:
    """A warehouse of the test's own. All have the same name, which dbt's parse of the project depends on."""
    name = "retail_of_a_test"
    _administer(postgres_server, "drop database if exists {} with (force)", name)
    _administer(postgres_server, "create database {} template {}", name, template)
    yield postgres_server.url(name)
    _administer(postgres_server, "drop database {} with (force)", name)


@pytest.fixture
def conn(database_url: str) -> Iterator[connection]:
    with connect(database_url) as opened:
        yield opened


@pytest.fixture
def beside(postgres_server: PostgresServer) -> Iterator[connection]:
    """An empty database: nothing of ours has been in it."""
    name = f"beside_{uuid.uuid4().hex[:12]}"
    _administer(postgres_server, "create database {}", name)
    with connect(postgres_server.url(name)) as opened:
        yield opened
    _administer(postgres_server, "drop database {} with (force)", name)


@dataclass
class Source:
    """The source API on a free port. `data` is its ledger: what the tests hold results against."""

    url: str
    data: DataSet

    def set_clock(self, now: datetime) -> None:
        self.data._fixed_now = now


@pytest.fixture
def source() -> Iterator[Source]:
    """A real server over real HTTP, its clock at NOON."""
    settings = SourceSettings(seed=7, start=START, now=NOON, sales_per_hour=20, customers=200, products=60, api_key=KEY)
    app = create_app(settings)
    with serving(app) as url:
        yield Source(url, app.state.data)


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spare_dbt_its_callers()
    spare_dbt_its_debug_log()
    spare_libfaketime_the_environment()
    return tmp_path_factory.mktemp("homes")


@pytest.fixture
def retail_home(homes: Path) -> Path:
    """RETAIL_HOME of the test's own, at the same path as that of every other test."""
    return emptied(homes / "of_the_owner")


@pytest.fixture
def home_of_roles(homes: Path) -> Path:
    """As `retail_home`, for tests that log in as the platform's roles."""
    return emptied(homes / "of_roles")


@pytest.fixture
def sql_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of sql/, from which the schema is applied."""
    copied = tmp_path / "sql"
    shutil.copytree(schema.SQL_FOLDER, copied)
    monkeypatch.setattr(schema, "SQL_FOLDER", copied)
    return copied


@pytest.fixture
def settings(database_url: str, source: Source, retail_home: Path) -> Settings:
    return Settings(
        database_url=database_url,
        source_api_url=source.url,
        source_api_key=KEY,
        retail_home=retail_home,
        source_page_size=400,
    )


class serving:  # noqa: N801 - reads as a verb where it is used
    """Serve an ASGI app on a free port in a thread, for the time of a with block; gives its address."""

    def __init__(self, app: object) -> None:
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="on"))
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    def __enter__(self) -> str:
        self._thread.start()
        deadline = time.monotonic() + 20
        while not self._server.started:
            if time.monotonic() > deadline:
                raise TimeoutError("the source API did not start")
            time.sleep(0.01)
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()


def _administer(server: PostgresServer, statement: str, *names: str) -> None:
    with closing(psycopg2.connect(server.url("postgres"))) as conn, conn.cursor() as cursor:
        conn.autocommit = True
        cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture
def inbox(settings: Settings) -> Path:
    """The folder into which people put files."""
    return settings.retail_home / "inbox"


@pytest.fixture
def ours(settings: Settings) -> Settings:
    """Settings that take a file at once, without a second look after a while."""
    return settings.model_copy(update={"inbox_settle_seconds": 0})
