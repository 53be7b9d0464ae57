"""`./retail rebuild`: Silver and Gold from Bronze alone, in a separate database or in place."""

from __future__ import annotations

from contextlib import closing, contextmanager, redirect_stdout
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import sql
from sqlalchemy.engine import make_url

from medallion.database import connect, first_line
from medallion.errors import DatabaseError
from medallion.process.step import hand_run_id
from medallion.schema import prepare_schema
from quality.rebuild import RebuildResult, rebuild_beside, rebuild_in_place
from stack.services.warehouse import administration_url, warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings

_SUFFIX = "_rebuilt"


def rebuild_and_compare(home: Home, settings: StackSettings, talk: Talk) -> RebuildResult:
    """Rebuild everything next to the live warehouse, compare, and drop it. Changes no live table."""
    with (
        warehouse(home, settings, talk) as url,
        _scratch(home, settings, url) as beside_url,
        connect(url) as live,
        connect(beside_url) as beside,
        talk.step("rebuild from Bronze"),
        dbt_speaks_to_its_log(home),
    ):
        prepare_schema(live)
        return rebuild_beside(live, beside, settings, run_id=hand_run_id())


def rebuild_live(home: Home, settings: StackSettings, talk: Talk) -> None:
    """Rebuild the live Silver and Gold from Bronze."""
    with (
        warehouse(home, settings, talk) as url,
        connect(url) as conn,
        talk.step("rebuild in place"),
        dbt_speaks_to_its_log(home),
    ):
        prepare_schema(conn)
        rebuild_in_place(conn, settings, run_id=hand_run_id())


@contextmanager
def dbt_speaks_to_its_log(home: Home) -> Iterator[None]:
    """Send dbt's progress to its log: called in this process, it prints to stdout, which is for data."""
    with (home.logs / "dbt.log").open("a", encoding="utf-8") as stream, redirect_stdout(stream):
        yield


@contextmanager
def _scratch(home: Home, settings: StackSettings, url: str) -> Iterator[str]:
    """An empty database on the warehouse's server, dropped at the end; one that a crash has left is replaced."""
    parts = make_url(url)
    name, owner = f"{parts.database}{_SUFFIX}", parts.username or ""
    admin = administration_url(home, settings) or url
    database = sql.Identifier(name)
    drop = sql.SQL("drop database if exists {} with (force)").format(database)
    _execute(admin, drop)
    _execute(admin, sql.SQL("create database {} owner {}").format(database, sql.Identifier(owner)))
    _execute(admin, sql.SQL("revoke connect, temporary on database {} from public").format(database))
    try:
        yield parts.set(database=name).render_as_string(hide_password=False)
    finally:
        _execute(admin, drop)


def _execute(url: str, statement: sql.Composable) -> None:
    try:
        with closing(psycopg2.connect(url)) as conn, conn.cursor() as cursor:
            conn.autocommit = True  # databases are created and dropped outside of transactions
            cursor.execute(statement)
    except psycopg2.Error as error:
        raise DatabaseError(
            f"no database to rebuild into: {first_line(error)}",
            remedy="give the warehouse's role the right CREATEDB, or rebuild with --in-place",
        ) from error
