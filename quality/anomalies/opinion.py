"""`gold.kpi_second_opinion`, and how the last night went (`meta.second_opinion`)."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from datetime import date  # noqa: TC003 - the page of the commands' JSON reads the types at run time
from decimal import Decimal  # noqa: TC003 - likewise
from typing import TYPE_CHECKING

from psycopg2.extras import execute_values

from medallion.statements import Statements
from medallion.wording import counted
from quality.anomalies.detectors import DETECTORS, ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection

NAMES = ", ".join(DETECTORS.values())
COMMAND = f"./retail env make {ENVIRONMENT}"
_SQL = Statements(__file__)


@dataclass(frozen=True)
class UnusualDay:
    """A day of a store that all detectors find unusual. `rank`: 1 is the most unusual.

    `score`: the share of the store-days that are less unusual. `why`: the figures that make it so, in words.
    """

    sold_date: str
    store_id: int
    currency: str
    rank: int
    score: Decimal
    detectors: str
    why: str


@dataclass(frozen=True)
class ListedDay(UnusualDay):
    """A day of a store that all detectors find unusual. `rank`: 1 is the most unusual.

    `score`: the share of the store-days that are less unusual. `why`: the figures that make it so, in words. `agrees`:
    whether `gold.kpi_anomaly` had an anomaly of that store and day in that night.
    """

    agrees: bool


@dataclass(frozen=True)
class Opinion:
    """The second opinion of the last night. `status`: given, learning or skipped; none before the first night.

    `says`: how it went, in words. `days`: what the last opinion has found, and `last_date` the last day that it
    looked at.
    """

    status: str
    last_date: str | None
    says: str
    days: list[ListedDay]

    def summary(self) -> str:
        """One line for a person."""
        if self.status != "given":
            return f"second opinion: {self.says}"
        more = "; ./retail anomalies opinion lists them" if self.days else ""
        return f"second opinion ({NAMES}) of {self.last_date}: {self.says}{more}"


def read_opinion(conn: connection) -> Opinion:
    """The opinion of the last night, with the days of the last one that was given."""
    days = [ListedDay(*row) for row in _SQL.rows(conn, "days")]
    last = _SQL.first(conn, "last")
    status, last_date, says = last or ("none", None, f"none yet: {COMMAND}, then a night gives one")
    return Opinion(status, last_date, says, days)


def write_opinion(conn: connection, last_date: date, days: Sequence[UnusualDay], run_id: str) -> Opinion:
    """Replace the last opinion by these days, and say how many of them the anomalies have, too."""
    _SQL.execute(conn, "forget_days")
    with conn.cursor() as cursor:
        rows = [(*astuple(one), run_id) for one in days]
        execute_values(cursor, _SQL["add_days"], rows)
    written = read_opinion(conn).days
    known = sum(one.agrees for one in written)
    says = f"{counted(len(written), 'store-day')}, {known} of them known" if written else "no store-day"
    return note_night(conn, "given", says, run_id, last_date)


def note_night(conn: connection, status: str, says: str, run_id: str, last_date: date | None = None) -> Opinion:
    """Note how the night went. The days of the last opinion stay."""
    _SQL.execute(conn, "note", {"status": status, "says": says, "run_id": run_id, "last_date": last_date})
    return read_opinion(conn)
