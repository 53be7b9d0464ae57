"""Whatever time zone the machine, the database or a login has: moments stay themselves, and days are days in UTC."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timezone
from decimal import Decimal

import psycopg2
import pytest
from psycopg2.extensions import connection

from medallion.bronze.writer import bronze_path
from medallion.database import connect
from medallion.settings import Settings
from tests.conftest import serving
from tests.ledger_source import LedgerSource, sale
from tests.pipeline import build_untested, hour
from tests.queries import rows

# A zone with daylight saving, and the two whose days are furthest from UTC's.
ZONES = ["Europe/Berlin", "Pacific/Kiritimati", "Etc/GMT+12"]
# Around midnight in UTC and in Berlin, and in both hours that the end of daylight saving makes one name of.
MOMENTS = [
    "2025-10-25T21:59:59Z", "2025-10-25T22:00:00Z", "2025-10-25T23:59:59Z", "2025-10-26T00:00:00Z",
    "2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z", "2025-10-26T22:59:59Z", "2025-10-26T23:00:00Z",
    "2025-03-30T00:59:59Z", "2025-03-30T01:00:00Z", "2024-02-29T00:00:00Z", "2024-02-29T23:59:59Z",
    "2024-12-31T23:59:59Z", "2025-01-01T00:00:00Z",
]  # fmt: skip


@pytest.fixture(params=ZONES)
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The process and the sessions that it opens are in that zone."""
    monkeypatch.setenv("TZ", request.param)
    monkeypatch.setenv("PGTZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def zoned_settings(settings: Settings, zone: str) -> Iterator[Settings]:
    """The warehouse is in that zone too, and its source sells at the moments above."""
    url = settings.require_database_url()
    with connect(url) as conn, conn.cursor() as cursor:
        cursor.execute(f"alter database {conn.info.dbname} set timezone = '{zone}'")
        conn.commit()
    ledger = LedgerSource()
    for number, moment in enumerate(MOMENTS, 1):
        ledger.sales[number] = sale(number) | {"sold_at": moment}
    with serving(ledger.app) as address:
        yield settings.model_copy(update={"source_api_url": address})


@pytest.fixture
def zoned(zoned_settings: Settings) -> Iterator[connection]:
    with connect(zoned_settings.require_database_url()) as conn:
        yield conn


def test_days_of_gold_are_days_in_utc(zoned: connection, zoned_settings: Settings, zone: str) -> None:
    with psycopg2.connect(zoned_settings.require_database_url()) as plain, plain.cursor() as cursor:
        cursor.execute("show timezone")
        assert cursor.fetchone() == (zone,)
    hour(zoned, zoned_settings, entities="sales")
    build_untested(zoned, zoned_settings)
    sold = rows(zoned, "select sold_at from silver.sales_customer order by sale_id")
    assert [moment for (moment,) in sold] == [datetime.fromisoformat(one.replace("Z", "+00:00")) for one in MOMENTS]
    days = rows(zoned, "select sold_date::text from gold.sales_item order by sale_id")
    assert [day for (day,) in days] == [moment[:10] for moment in MOMENTS]
    by_day = dict(rows(zoned, "select sold_date::text, sum(net_amount) from gold.mart_sales_by_customer group by 1"))
    assert by_day == {
        day: Decimal("24.50") * sum(one[:10] == day for one in MOMENTS) for day in {m[:10] for m in MOMENTS}
    }


def test_a_bronze_folder_is_named_by_the_day_in_utc(zone: str) -> None:
    for moment in MOMENTS:
        at = datetime.fromisoformat(moment.replace("Z", "+00:00"))
        for expressed in (at, at.astimezone(), at.astimezone(timezone.utc)):
            assert moment[:10] in bronze_path("sales_customer", expressed, 1, 0)
