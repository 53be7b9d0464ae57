"""Where a comparison happens: an embedded Postgres and a source API of its own, and a fresh database for every run.

Everything lives under RETAIL_HOME/bench and listens on free ports, so a platform that is up is not disturbed. The
server is the one that ships, with the settings it ships with: durable, fsync on.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import httpx
import psycopg2
from psycopg2 import sql
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from backend.dataset.timeline import Timeline
from ingestion.api.client import SourceClient
from medallion.database import connect
from medallion.schema import prepare_schema
from medallion.settings import Settings
from stack.commands.checks import is_pipeline_setting
from stack.host.home import Home
from stack.host.interrupts import uninterrupted
from stack.host.settings import StackSettings
from stack.services.ports import any_free
from stack.services.warehouse import administration_url, platform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from medallion.state.reconciliation import Totals
    from stack.host.console import Talk

SALES_PER_HOUR = 2000
START = datetime(2026, 9, 22, tzinfo=timezone.utc)
_SEED = 42
_DATABASE = "bench_{}"


@dataclass(frozen=True)
class World:
    """What one run of an engine is given: a database of its own, the source, and a folder that is removed later."""

    database_url: str = field(repr=False)
    source_url: str
    source_key: str = field(repr=False)
    folder: Path
    page_size: int = 5000

    def variables(self) -> dict[str, str]:
        """What a peer's program reads from its environment."""
        return {
            "DATABASE_URL": self.database_url,
            "SOURCE_API_URL": self.source_url,
            "SOURCE_API_KEY": self.source_key,
            "PAGE_SIZE": str(self.page_size),
        }


@dataclass(frozen=True)
class Stage:
    """What all runs of a comparison share: servers, and what the source says it holds."""

    world: World
    administration: str
    totals: Totals

    @contextmanager
    def empty_world(self, starts_from: str, name: str) -> Iterator[World]:
        """A world cloned from one of the prepared databases; gone afterwards."""
        folder = self.world.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        database_url = self.clone(starts_from, name)
        try:
            self.settle()
            yield replace(self.world, database_url=database_url, folder=folder)
        finally:
            with uninterrupted():
                self.drop(name)
                shutil.rmtree(folder, ignore_errors=True)

    def clone(self, starts_from: str | None, name: str) -> str:
        """A new database like a prepared one, or an empty one; its address."""
        self.drop(name)
        template = _DATABASE.format(starts_from) if starts_from else "template0"
        statement = sql.SQL("create database {} owner retail template {} strategy file_copy")
        self._administer(statement, _DATABASE.format(name), template)
        return (
            make_url(self.world.database_url).set(database=_DATABASE.format(name)).render_as_string(hide_password=False)
        )

    def drop(self, name: str) -> None:
        """Drop a database and end the sessions that still use it."""
        self._administer(sql.SQL("drop database if exists {} with (force)"), _DATABASE.format(name))

    def settle(self) -> None:
        """Write out what earlier runs left in memory: no run pays for the checkpoint of another."""
        self._administer(sql.SQL("checkpoint"))

    def _administer(self, statement: sql.SQL, *names: str) -> None:
        conn = psycopg2.connect(self.administration)
        try:
            conn.autocommit = True
            with conn.cursor() as cursor:
                cursor.execute(statement.format(*(sql.Identifier(name) for name in names)))
        finally:
            conn.close()


@contextmanager
def stage(folder: Path, sales: int, talk: Talk) -> Iterator[Stage]:
    """Servers of a comparison, with a database `empty` that has the schema; ended and removed afterwards."""
    home = Home(folder / "platform").prepare()
    with _environment(sales, home.path):
        settings = StackSettings()
        with platform(home, settings, talk) as endpoints:
            world = World(endpoints.database_url, endpoints.source_api_url, endpoints.source_api_key, folder / "runs")
            made = Stage(world, str(administration_url(home, settings)), _totals(world))
            with connect(made.clone(None, "empty")) as conn:
                prepare_schema(conn)
            yield made


def pipeline_settings(world: World) -> Settings:
    """The pipeline's settings in a world, all others at their defaults."""
    return Settings(
        retail_home=world.folder,
        database_url=SecretStr(world.database_url),
        source_api_url=world.source_url,
        source_api_key=SecretStr(world.source_key),
    )


def pipeline_environment(world: World) -> dict[str, str]:
    """The same as environment variables."""
    return {
        "RETAIL_HOME": str(world.folder),
        "DATABASE_URL": world.database_url,
        "SOURCE_API_URL": world.source_url,
        "SOURCE_API_KEY": world.source_key,
    }


def data_set(now: datetime) -> dict[str, str]:
    """The environment of the source at that moment."""
    return {
        "SOURCE_SEED": str(_SEED),
        "SOURCE_SALES_PER_HOUR": str(SALES_PER_HOUR),
        "SOURCE_START": START.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "SOURCE_NOW": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def clock_for(sales: int) -> datetime:
    """The first second at which the source has made so many sales."""
    timeline = Timeline(start=START, sales_per_hour=SALES_PER_HOUR, seed=_SEED)
    low, high = 0, 3600 * (48 + 4 * sales // SALES_PER_HOUR)
    while low < high:
        middle = (low + high) // 2
        if timeline.count_until(START + timedelta(seconds=middle)) < sales:
            low = middle + 1
        else:
            high = middle
    return START + timedelta(seconds=low)


def _totals(world: World) -> Totals:
    with SourceClient(pipeline_settings(world)) as client:
        return client.sales_totals(0, 10**15)


@contextmanager
def _environment(sales: int, home: Path) -> Iterator[None]:
    """The environment of our servers, which read it themselves: the data set, and nothing that the user set."""
    before = dict(os.environ)
    for name in [name for name in before if is_pipeline_setting(name)]:
        del os.environ[name]
    ports = {name: str(any_free()) for name in ("POSTGRES_PORT", "API_PORT")}  # the defaults stay free for the user's
    os.environ.update(data_set(clock_for(sales)) | {"RETAIL_HOME": str(home)} | ports)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def http_client(world: World) -> httpx.Client:
    """A client for the source that asks for what the pipeline asks for, and no more."""
    headers = {"X-API-Key": world.source_key, "Accept-Encoding": "identity"}
    return httpx.Client(base_url=world.source_url, headers=headers, timeout=120, trust_env=False)
