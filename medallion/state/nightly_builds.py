"""The nightly tables of Gold: what each was last built for (`meta.nightly_build`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from psycopg2.extensions import connection

_SQL = Statements(__file__)


@dataclass(frozen=True)
class NightlyBuild:
    """The last build of a nightly model. `is_current`: no row of core or marts has changed since."""

    model: str
    business_date: date
    is_current: bool


def nightly_builds(conn: connection) -> list[NightlyBuild]:
    """The last build of each nightly model whose table exists."""
    return [NightlyBuild(*row) for row in _SQL.rows(conn, "nightly_builds")]


def missing_tables(conn: connection, tables: Sequence[str]) -> list[str]:
    """Those of the tables, named `schema.table`, that do not exist."""
    return [name for (name,) in _SQL.rows(conn, "missing_tables", {"tables": list(tables)})]
