"""What the pipeline is doing while a KPI is judged: a late source or a failed load looks like lost sales."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from medallion.database import transaction
from medallion.statements import Statements
from medallion.wording import counted
from quality.anomalies.calendar import Calendar, read_specials

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from psycopg2.extensions import connection

_SQL = Statements(__file__)
# A sale is found to be missing when it should have been pulled, or some hours later.
_BEFORE, _AFTER = timedelta(hours=1), timedelta(hours=6)
_TENTH = 10


@dataclass(frozen=True)
class Circumstances:
    """`pulled_until`: what was sold up to then has been asked for; None: nothing was ever pulled.

    `first_sale`: when the history begins. `newest_sale`: the last one that is known. `troubles`: each from when on all
    figures may be wrong, and why. `withheld`: sales that are known to be missing, by the hour in which that was found.
    """

    pulled_until: datetime | None
    first_sale: datetime | None
    newest_sale: datetime | None
    troubles: Sequence[tuple[datetime, str]]
    withheld: Sequence[tuple[datetime, str, int]]

    def reason(self, since: datetime, until: datetime, lost: float) -> str | None:
        """Why the figures of that time may be wrong; None while nothing speaks against them. `lost`: sales too few.

        Withheld sales are a reason only if they are a tenth of what is lost: a record in quarantine is no outage.
        """
        reasons = [why for began, why in self.troubles if began < until]
        missing: dict[str, int] = {}
        for hour, why, count in self.withheld:
            if since - _BEFORE <= hour < until + _AFTER:
                missing[why] = missing.get(why, 0) + count
        reasons += [
            f"{counted(count, 'sale is', 'sales are')} {why}"
            for why, count in missing.items()
            if 0 < lost < _TENTH * count
        ]
        return "; ".join(reasons) or None


def read_circumstances(conn: connection, now: datetime, since: datetime) -> Circumstances | None:
    """The circumstances at `now`, as far back as `since`; None before Gold has the mart that is judged."""
    with transaction(conn):
        if not _SQL.one(conn, "is_built")[0]:
            return None
        pulled, first, newest = _SQL.one(conn, "reach", {"now": now})
        troubles = [(began, why) for began, why in _SQL.rows(conn, "troubles", {"newest": newest})]
        withheld = [(hour, why, count) for hour, why, count in _SQL.rows(conn, "withheld", {"since": since})]
    return Circumstances(pulled, first, newest, troubles, withheld)


def read_calendar(conn: connection, first: date) -> Calendar:
    """The special days, the holidays from a day on where the nightly tables have them, and what is known of stores."""
    with transaction(conn):
        has_stores, has_holidays = _SQL.one(conn, "has_calendar")
        found = _SQL.rows(conn, "holidays", {"first": first}) if has_holidays else []
        days = {day: frozenset(countries) for day, countries in found}
        countries: dict[str, str] = dict(_SQL.rows(conn, "countries")) if has_stores else {}
        closed: dict[str, date] = dict(_SQL.rows(conn, "closed")) if has_stores else {}
    return Calendar(read_specials(), days, countries, closed)


def names_of_stores(conn: connection) -> Mapping[str, str]:
    """The name of each store that the source has described, by its number."""
    with transaction(conn):
        return dict(_SQL.rows(conn, "names")) if _SQL.one(conn, "has_calendar")[0] else {}
