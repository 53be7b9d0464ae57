"""Public holidays of the countries where the stores are, computed by the library `holidays` into `meta.holiday`.

Nothing is asked over the network: the rules of about 250 countries are in the library. Only holidays of a whole country
are kept, with the days off that stand in for one on a weekend; holidays of regions are left out, because a store's
region is a free text of the source.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from psycopg2.extras import execute_values

from medallion.database import transaction
from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from psycopg2.extensions import connection

    Holiday = tuple[str, date, str]

_SQL = Statements(__file__)
log = logging.getLogger(__name__)


def write_holidays(conn: connection, last_day: date) -> tuple[str, ...]:
    """Replace `meta.holiday`: from the year of the first sale to that of `last_day`. Returns warnings for a person.

    The countries are those of `gold.dim_store`; if the source lists no stores, those of `gold.dim_customer`.
    """
    with transaction(conn):
        ((first_year,),) = _SQL.rows(conn, "first_year_of_sales", {"last_day": last_day})
        countries = [country for (country,) in _SQL.rows(conn, "countries")]
        found, unknown = public_holidays(countries, range(first_year, last_day.year + 1))
        _SQL.execute(conn, "forget_holidays")
        with conn.cursor() as cursor:
            execute_values(cursor, _SQL["add_holidays"], found)
    if not unknown:
        return ()
    warning = f"no public holidays are known for the countries {', '.join(unknown)}"
    log.warning("%s", warning)
    return (warning,)


def public_holidays(countries: Iterable[str], years: Sequence[int]) -> tuple[list[Holiday], list[str]]:
    """Country, day and English name of the public holidays of these years, and the countries without any known rule."""
    from holidays import country_holidays  # noqa: PLC0415 - only a night, or a first run, pays for its import

    found, unknown = [], []
    for country in countries:
        try:
            of_country = country_holidays(country, years=years, language="en_US")
        except NotImplementedError:
            unknown.append(country)
            continue
        found += [(country, day, name) for day, name in sorted(of_country.items())]
    return found, unknown
