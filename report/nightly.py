"""Which day the nightly tables are of: they count up to a business date, not up to the last sale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medallion.business_date import business_date
from medallion.statements import Statements
from medallion.wording import counted
from report import words

if TYPE_CHECKING:
    from datetime import date, datetime

    from psycopg2.extensions import connection

_SQL = Statements(__file__)
NOT_THERE = "Built at night, and not there yet: ./retail nightly builds it now."


def built_for(conn: connection, *models: str) -> date | None:
    """The business date of these nightly tables; None while one of them does not exist."""
    found: date | None = _SQL.one(conn, "built_for", {"models": list(models)})[0]
    return found


def as_of(day: date, now: datetime) -> str:
    """The business date in words, and how far it is behind the day that a build at `now` would count."""
    behind = (business_date(now) - day).days
    text = f"As of {words.full_day(day)}, the last day that is counted"
    return f"{text}. {counted(behind, 'day')} behind: ./retail nightly builds it now." if behind > 0 else f"{text}."
