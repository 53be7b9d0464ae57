"""Warehouse and source: the services behind them, and the addresses by which everything else reaches them.

What the user configured is used as it is. Otherwise a service of the platform is started, unless it runs already.
Several commands may use the same services at once: each holds a shared lock meanwhile, and the last one to release it
ends them. A killed command releases it too, so the next command, or `down`, finds the services and ends them.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from medallion.errors import PortInUse
from medallion.settings import CONNECTION_FILE
from stack.host.interrupts import uninterrupted
from stack.services import source_api as source
from stack.services.endpoints import INGESTION_CONNECTION, TRANSFORMATION_CONNECTION, Endpoints
from stack.services.open_incidents import keep_incidents
from stack.services.ports import HOST, choose_port, port_taken, remembered_port
from stack.services.postgres.files import place_postgres
from stack.services.postgres.roles import (
    AIRFLOW,
    DATABASE_OF,
    INGESTION,
    READER,
    TRANSFORMATION,
    WAREHOUSE,
    Login,
    prepare_roles,
)
from stack.services.postgres.server import PostgresServer, RunningPostgres
from stack.services.processes import await_ready, recorded_names, running, start, stop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings

_STANDS_ALONE = frozenset({"docs", "superset", "pgadmin", "notebook"})  # each ends with its own command or with `down`
_STARTS = 3  # a port that was free a moment ago may be taken: another is chosen


@contextmanager
def platform(home: Home, settings: StackSettings, talk: Talk) -> Iterator[Endpoints]:
    """Addresses of a warehouse and a source that answer. At the end, services without another user are stopped.

    Raises ConfigurationError, DatabaseError or ServiceFailed.
    """
    with _used(home, settings):
        with home.locked("starting"):
            endpoints = _start_missing(home, settings, talk)
        yield endpoints


def with_source(settings: StackSettings, endpoints: Endpoints) -> StackSettings:
    """The settings with the source that answers."""
    found = {"source_api_url": endpoints.source_api_url, "source_api_key": endpoints.source_api_key}
    return settings.model_validate(settings.model_dump() | found)


@contextmanager
def warehouse(home: Home, settings: StackSettings, talk: Talk) -> Iterator[str]:
    """The address of a warehouse that answers; starts nothing else. Raises as `platform`."""
    with _used(home, settings):
        with home.locked("starting"):
            database_url = _start_warehouse(home, settings, talk, []).database_url
        yield database_url


@contextmanager
def _used(home: Home, settings: StackSettings) -> Iterator[None]:
    """Keep the services running within the block; after it, the last user stops them."""
    try:
        with home.shared("users"):
            yield
    finally:
        with uninterrupted():
            stop_unused(home, settings)


def stop_unused(home: Home, settings: StackSettings) -> list[str]:
    """Stop every service unless another command uses them. Returns what was stopped."""
    with home.locked("starting"), home.try_locked("users") as alone:
        return stop_everything(home, settings, spare=_STANDS_ALONE) if alone else []


def stop_everything(home: Home, settings: StackSettings, *, spare: frozenset[str] = frozenset()) -> list[str]:
    """Stop every service of this RETAIL_HOME, Postgres last, as the others still write to it."""
    (home.path / CONNECTION_FILE).unlink(missing_ok=True)
    stopped = stop(home, [name for name in recorded_names(home) if name not in spare])
    if (home.path / "postgres").exists() and _stop_postgres(home, settings):
        stopped.append("postgres")
    return stopped


def _stop_postgres(home: Home, settings: StackSettings) -> bool:
    """Stop the embedded server; False when it did not run. Its open incidents are saved for `./retail status`."""
    server = postgres_server(home, settings)
    found = server.running()
    if found is not None and settings.database_url is None:
        keep_incidents(home, logins(home)[WAREHOUSE].url(found.port), datetime.now(timezone.utc))
    return server.stop()


def postgres_server(home: Home, settings: StackSettings) -> PostgresServer:
    """The embedded server of this RETAIL_HOME, running or not."""
    return PostgresServer(place_postgres(home, settings), home.secret("postgres"), home.logs / "postgres.log")


def administration_url(home: Home, settings: StackSettings) -> str | None:
    """Address of the running embedded server as its superuser; None when the warehouse is the user's own."""
    if settings.database_url is not None:
        return None
    server = postgres_server(home, settings)
    found = server.running()
    return server.url(found.port) if found else None


def role_url(home: Home, settings: StackSettings, role: str) -> str | None:
    """Address of the running embedded server as one of its roles; None when the warehouse is the user's own."""
    if settings.database_url is not None:
        return None
    found = postgres_server(home, settings).running()
    return logins(home)[role].url(found.port) if found else None


def reader_url(home: Home, settings: StackSettings) -> str | None:
    """The warehouse with the login of retail_reader: READER_DATABASE_URL, else that of the running embedded server."""
    if settings.reader_database_url is not None:
        return settings.reader_database_url.get_secret_value()
    return role_url(home, settings, READER)


def logins(home: Home) -> dict[str, Login]:
    """The roles of the embedded Postgres. In `secrets.json` they have their names without `retail_`."""
    return {name: Login(name, home.secret(f"postgres_{name.removeprefix('retail_')}")) for name in DATABASE_OF}


@dataclass(frozen=True)
class _Databases:
    """Addresses of the warehouse, as each of its roles, and of Airflow's metadata."""

    database_url: str
    airflow_database_url: str
    ingestion_url: str | None = None
    transformation_url: str | None = None
    reader_url: str | None = None


def _start_missing(home: Home, settings: StackSettings, talk: Talk) -> Endpoints:
    started: list[str] = []
    databases = _start_warehouse(home, settings, talk, started)
    api_url, api_key = _source(home, settings, talk, started)
    return Endpoints(
        **vars(databases),
        source_api_url=api_url,
        source_api_key=api_key,
        bronze_url=settings.bronze_location,
        airflow_port=choose_airflow_port(home, settings),
        started=tuple(started),
    )


def _start_warehouse(home: Home, settings: StackSettings, talk: Talk, started: list[str]) -> _Databases:
    if settings.database_url is not None:
        sqlite = f"sqlite:///{home.airflow / 'airflow.db'}"
        layers = map(_given_login, (INGESTION_CONNECTION, TRANSFORMATION_CONNECTION))
        databases = _Databases(settings.database_url.get_secret_value(), sqlite, *layers)
    else:
        port = _start_postgres(home, settings, talk, started)
        urls = {name: login.url(port) for name, login in logins(home).items()}
        metadata = urls[AIRFLOW].replace("postgresql://", "postgresql+psycopg2://")
        databases = _Databases(urls[WAREHOUSE], metadata, *(urls[role] for role in (INGESTION, TRANSFORMATION, READER)))
    if settings.airflow_database_url is not None:
        return replace(databases, airflow_database_url=settings.airflow_database_url.get_secret_value())
    return databases


def _given_login(variable: str) -> str | None:
    """An Airflow connection as a URL for other programs; None when it is not set, or not written as a URL."""
    url = os.environ.get(variable, "")
    return url if url.startswith(("postgresql://", "postgres://")) and "__extra__" not in url else None


def choose_airflow_port(home: Home, settings: StackSettings) -> int:
    """The web UI's port: chosen by the `up` that is about to serve it, for other commands the last choice."""
    serving = running(home, "airflow-api-server")
    if not serving and home.holder("up") == os.getpid():
        return choose_port(home, settings, "airflow_port")
    known = remembered_port(home, "airflow_port") if serving or not settings.is_explicit("airflow_port") else None
    return known or settings.airflow_port


def _start_postgres(home: Home, settings: StackSettings, talk: Talk, started: list[str]) -> int:
    server = postgres_server(home, settings)
    found = server.running()
    if found is None:
        started.append("postgres")
        with talk.step("Postgres"):
            found = _start_on_a_free_port(server, home, settings)
    prepare_roles(server.url(found.port), logins(home).values())
    return found.port


def _start_on_a_free_port(
    server: PostgresServer, home: Home, settings: StackSettings, tries: int = _STARTS
) -> RunningPostgres:
    port = choose_port(home, settings, "postgres_port")
    try:
        return server.start(port)
    except PortInUse as error:
        if settings.is_explicit("postgres_port") or tries == 1:
            raise port_taken("postgres_port", port) from error
        return _start_on_a_free_port(server, home, settings, tries - 1)


def _source(home: Home, settings: StackSettings, talk: Talk, started: list[str]) -> tuple[str, str]:
    """Address and key of the source: the configured one, or the platform's."""
    if settings.source_api_url is not None:
        return settings.require_source()
    given = settings.source_api_key
    api_key = given.get_secret_value() if given else home.secret("source_api_key")
    if running(home, source.NAME):
        source.require_same_faults(home)
        port = int(home.recall("ports")["api_port"])
        return f"http://{HOST}:{port}", api_key
    for name in source.changed_data_set(home, os.environ):
        talk.warn(f"{name} differs from the data set loaded so far; a new RETAIL_HOME keeps the two apart")
    port = choose_port(home, settings, "api_port")
    started.append(source.NAME)
    with talk.step("Source API"):
        service = source.source_service(home, port, api_key)
        await_ready(home, service, start(home, service))
    return f"http://{HOST}:{port}", api_key
