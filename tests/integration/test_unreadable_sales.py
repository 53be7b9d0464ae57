"""A sale whose id cannot be read, or cannot be right, lands once, goes into quarantine and stops no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg2.extensions import connection

from ingestion.sales import collect_sales
from loaders.load_all_silver import load_all_silver
from medallion.settings import Settings
from tests.conftest import serving
from tests.ledger_source import LedgerSource, sale
from tests.queries import rows

STRANGE: list[Any] = ["3", 0, -1, 2**63, 10**19, 3.5, None, True, [3], {"id": 3}]


@pytest.fixture
def ledger() -> LedgerSource:
    return LedgerSource()


@pytest.fixture
def chosen(settings: Settings, ledger: LedgerSource) -> Iterator[Settings]:
    with serving(ledger.app) as url:
        yield settings.model_copy(update={"source_api_url": url, "source_page_size": 50, "source_retry_attempts": 1})


def hour(conn: connection, chosen: Settings, **options: Any) -> None:
    collect_sales(conn, chosen, run_id="hour", **options)
    load_all_silver(conn, chosen, run_id="hour")


def silver_ids(conn: connection) -> list[int]:
    return [row[0] for row in rows(conn, "select sale_id from silver.sales_customer order by 1")]


def landed(conn: connection) -> int:
    return int(rows(conn, "select sum(records) from meta.bronze_file where dataset = 'sales_customer'")[0][0])


def quarantined(conn: connection) -> int:
    return int(rows(conn, "select count(*) from meta.rejected_record where dataset = 'sales_customer'")[0][0])


@pytest.mark.parametrize("strange", STRANGE, ids=str)
def test_a_late_sale_without_a_readable_id_lands_once_and_goes_into_quarantine(
    conn: connection, chosen: Settings, ledger: LedgerSource, strange: Any
) -> None:
    ledger.commit(1, 2, 4)
    hour(conn, chosen)
    ledger.commit(3, 5)
    ledger.sends[3] = sale(3) | {"sale_id": strange}
    for _ in range(3):
        hour(conn, chosen)
    assert silver_ids(conn) == [1, 2, 4, 5]
    assert (landed(conn), quarantined(conn)) == (5, 1)
    del ledger.sends[3]
    hour(conn, chosen)
    assert silver_ids(conn) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("strange", "place"),
    [*((one, 3) for one in STRANGE), *((one, place) for one in (0, "3", 10**19) for place in (1, 5))],
)
def test_a_sale_whose_id_cannot_be_right_stops_no_other(
    conn: connection, chosen: Settings, ledger: LedgerSource, strange: Any, place: int
) -> None:
    ledger.commit_all(range(1, 6))
    ledger.sends[place] = sale(place) | {"sale_id": strange}
    hour(conn, chosen)
    hour(conn, chosen)
    ledger.commit(6, 7)
    hour(conn, chosen)
    assert silver_ids(conn) == [one for one in range(1, 8) if one != place]
    assert (landed(conn), quarantined(conn)) == (7, 1)


@pytest.mark.parametrize("strange", [10**19, "last", 2**63])
def test_a_last_sale_beyond_every_id_holds_the_watermark_at_the_last_that_can_be_read(
    conn: connection, chosen: Settings, ledger: LedgerSource, strange: Any
) -> None:
    """Its cursor is no id either: a source that takes its cursor from the record."""
    ledger.commit_all(range(1, 6))
    ledger.sales[10**19] = sale(1) | {"sale_id": strange}
    between = ledger._between
    ledger._between = lambda after, up_to: [  # type: ignore[method-assign]
        *between(after, min(up_to or 10**18, 10**18)), *([ledger.sales[10**19]] if up_to is None else [])
    ]  # fmt: skip
    for _ in range(3):
        hour(conn, chosen)
    assert rows(conn, "select cursor_value from meta.ingestion_state where entity = 'sales'") == [("5",)]
    assert (landed(conn), quarantined(conn)) == (6, 1)
    ledger.commit(6)
    hour(conn, chosen)
    assert silver_ids(conn) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("strange", [str(10**12), str(2**63 - 1), 0, -3, 1.5, None])
@pytest.mark.parametrize("has_more", [False, True])
def test_a_source_whose_cursor_is_the_id_as_sent_goes_on_after_a_bad_last_sale(
    conn: connection, chosen: Settings, ledger: LedgerSource, strange: Any, has_more: bool
) -> None:
    """The cursor after the bad record would carry the watermark past sales that are still to come."""
    ledger.commit_all(range(1, 6))
    ledger.sends[5] = sale(5) | {"sale_id": strange}
    ledger.cursor_as_sent = True
    few = chosen.model_copy(update={"source_page_size": 5 if has_more else 50})
    hour(conn, few)
    for number in range(6, 12):
        ledger.commit(number)
        hour(conn, few)
    assert silver_ids(conn) == [1, 2, 3, 4, *range(6, 12)]
    assert quarantined(conn) == 1


def test_the_largest_id_there_is_arrives(conn: connection, chosen: Settings, ledger: LedgerSource) -> None:
    ledger.commit(1, 2**63 - 1)
    hour(conn, chosen)
    hour(conn, chosen)
    assert silver_ids(conn) == [1, 2**63 - 1]


@pytest.mark.parametrize("sold_at", ["2026-11-20T10:00:00", "yesterday", None, 7, "2099-01-01T00:00:00Z"])
def test_a_sale_next_to_a_gap_may_say_anything_of_its_time(
    conn: connection, chosen: Settings, ledger: LedgerSource, sold_at: Any
) -> None:
    ledger.commit(1, 3, 4)
    ledger.sends[3] = sale(3) | {"sold_at": sold_at}
    hour(conn, chosen)
    ledger.commit(2)
    hour(conn, chosen)
    assert {1, 2, 4} <= set(silver_ids(conn))
