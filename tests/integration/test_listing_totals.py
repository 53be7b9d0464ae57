"""Customers and products against the source's totals: what is late, what differs, and what helps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Response
from psycopg2.extensions import connection

from ingestion.customers import collect_customers
from loaders.load_customers import load_customers
from medallion.errors import DataQualityError
from medallion.settings import Settings
from medallion.state.reconciliation import is_unbalanced, is_unchecked
from quality.checksum import checksums_of, total_of
from quality.reconcile import reconcile_all, reconcile_sales
from tests.conftest import NOON, Source, serving
from tests.integration.test_reconciliation import hour as sales_hour
from tests.pipeline import hour as whole_hour
from tests.queries import rows

BASE = datetime(2026, 3, 1, tzinfo=timezone.utc)
LAST = """
    select status, source_count, silver_count, late_count, rejected_count, accepted_count, is_settled
    from meta.reconciliation where dataset = 'customers' order by reconciliation_id desc limit 1
"""


class CustomerSource:
    """Customers as the test has them. `hidden` are never listed; `asked` are the requests."""

    def __init__(self) -> None:
        self.customers: dict[int, dict[str, Any]] = {}
        self.hidden: set[int] = set()
        self.has_totals = True
        self.listed: list[str | None] = []
        self.totals_asked: list[dict[str, Any]] = []
        self.app = FastAPI()
        self.app.get("/customers")(self._page)
        self.app.get("/customers/totals")(self._totals)

    def change(self, customer_id: int, minutes: float, **values: Any) -> None:
        """Set a customer, changed so many minutes after the beginning."""
        at = (BASE + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
        before = self.customers.get(customer_id, {})
        self.customers[customer_id] = (
            {
                "customer_id": customer_id,
                **{name: name for name in ("first_name", "last_name", "email", "phone", "city", "region")},
                "country": "FR",
                "segment": "new",
                "signed_up_at": "2026-01-01T00:00:00Z",
                "updated_at": at,
                "is_deleted": False,
            }
            | {name: value for name, value in before.items() if name != "updated_at"}
            | {"updated_at": at}
            | values
        )

    def _ordered(self) -> list[dict[str, Any]]:
        return sorted(self.customers.values(), key=lambda one: (str(one["updated_at"]), one["customer_id"]))

    async def _page(self, cursor: str | None = None, limit: int = 1000) -> Response:
        self.listed.append(cursor)
        shown = [one for one in self._ordered() if one["customer_id"] not in self.hidden]
        if cursor:
            at, _, number = cursor.partition("~")
            shown = [one for one in shown if (str(one["updated_at"]), one["customer_id"]) > (at, int(number))]
        items = shown[:limit]
        page = {
            "items": items,
            "count": len(items),
            "has_more": len(shown) > limit,
            "next_cursor": f"{items[-1]['updated_at']}~{items[-1]['customer_id']}" if items else None,
        }
        return Response(json.dumps(page), media_type="application/json")

    async def _totals(
        self,
        after: int = 0,
        up_to: int | None = None,
        updated_after: datetime | None = None,
        updated_up_to: datetime | None = None,
    ) -> dict[str, Any]:
        if not self.has_totals:
            raise HTTPException(404)
        self.totals_asked.append({"after": after, "up_to": up_to, "since": updated_after})
        found = []
        for one in self.customers.values():
            at = datetime.fromisoformat(str(one["updated_at"]).replace("Z", "+00:00"))
            if (
                after < one["customer_id"] <= (up_to or 2**63)
                and (updated_after is None or at > updated_after)
                and (updated_up_to is None or at <= updated_up_to)
            ):
                found.append(json.dumps(one).encode())
        checksums = checksums_of("customers", found)
        return {"count": len(found), "checksum": str(total_of(one or 0 for one in checksums))}


@pytest.fixture
def ledger() -> CustomerSource:
    return CustomerSource()


@pytest.fixture
def there(settings: Settings, ledger: CustomerSource) -> Iterator[Settings]:
    with serving(ledger.app) as url:
        yield settings.model_copy(update={"source_api_url": url, "source_page_size": 50, "source_retry_attempts": 1})


def hour(conn: connection, settings: Settings, *, full_refresh: bool = False) -> None:
    collect_customers(conn, settings, run_id="r", full_refresh=full_refresh)
    load_customers(conn, settings, run_id="r")


def check(conn: connection, settings: Settings, *, whole: bool = False, accept: bool = False) -> str:
    reconciled = reconcile_sales(conn, settings, run_id="r", whole=whole, accept=accept)
    return reconciled.others[0].status


def red(conn: connection, settings: Settings, *, whole: bool = False) -> DataQualityError:
    with pytest.raises(DataQualityError) as raised:
        reconcile_sales(conn, settings, run_id="r", whole=whole)
    assert is_unbalanced(conn)
    return raised.value


def execute(conn: connection, statement: str) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute(statement)


def test_customers_that_agree_balance_and_an_hour_compares_what_is_new(
    conn: connection, there: Settings, ledger: CustomerSource
) -> None:
    for one in range(1, 201):
        ledger.change(one, minutes=one * 60)
    hour(conn, there)
    assert is_unchecked(conn)
    assert check(conn, there) == "BALANCED"
    assert not is_unchecked(conn)
    ledger.change(7, minutes=201 * 60)
    hour(conn, there)
    ledger.totals_asked.clear()
    ledger.listed.clear()
    assert check(conn, there) == "BALANCED"
    assert (len(ledger.totals_asked), ledger.listed) == (1, [])
    assert ledger.totals_asked[0]["since"] == BASE + timedelta(hours=200 - 2)
    assert rows(conn, LAST) == [("BALANCED", 3, 3, 0, 0, 0, True)]


def test_a_change_after_the_pull_is_late_and_not_a_difference(
    conn: connection, there: Settings, ledger: CustomerSource
) -> None:
    for one in range(1, 11):
        ledger.change(one, minutes=one)
    hour(conn, there)
    ledger.change(4, minutes=30)
    ledger.change(11, minutes=31)
    for whole in (False, True):
        assert check(conn, there, whole=whole) == "EXPLAINED"
    assert rows(conn, LAST) == [("EXPLAINED", 11, 10, 1, 0, 0, True)]
    hour(conn, there)
    assert check(conn, there) == "BALANCED"
    assert check(conn, there, whole=True) == "BALANCED"


def test_a_record_that_no_pull_can_bring_is_named_and_comes_by_the_printed_full_refresh(
    conn: connection, there: Settings, ledger: CustomerSource
) -> None:
    """Committed with a moment that lies long before the watermark: beyond every lookback."""
    for one in range(1, 11):
        ledger.change(one, minutes=one * 600)
    hour(conn, there)
    assert check(conn, there) == "BALANCED"
    ledger.change(99, minutes=700)
    ledger.change(3, minutes=1801)
    error = red(conn, there, whole=True)
    assert "customers missing or older in Silver: 3, 99" in error.message
    assert "full_refresh" in error.remedy
    assert "3, 99" in red(conn, there).message  # what a night found is not hidden by an hour
    hour(conn, there, full_refresh=True)
    assert check(conn, there) == "BALANCED"
    assert not is_unbalanced(conn)


def test_a_record_within_the_lookback_is_found_by_the_hour(
    conn: connection, there: Settings, ledger: CustomerSource
) -> None:
    for one in range(1, 11):
        ledger.change(one, minutes=one)
    hour(conn, there)
    assert check(conn, there) == "BALANCED"
    ledger.change(99, minutes=5)
    error = red(conn, there)
    assert "customers missing or older in Silver: 99" in error.message


@pytest.mark.parametrize("whole", [False, True])
def test_content_that_changed_without_its_moment_is_named_and_accepted_exactly_as_it_is(
    conn: connection, there: Settings, ledger: CustomerSource, whole: bool
) -> None:
    for one in range(1, 11):
        ledger.change(one, minutes=one)
    hour(conn, there)
    ledger.customers[6]["city"] = "elsewhere"
    error = red(conn, there, whole=whole)
    assert "customers with another content at the same moment: 6" in error.message
    assert re.search(r"\./retail reconcile --accept", error.remedy)
    assert "full_refresh" not in error.remedy  # it would not help: content decides between equal moments
    assert check(conn, there, accept=True) == "EXPLAINED"
    assert not is_unbalanced(conn)
    assert check(conn, there, whole=True) == "EXPLAINED"
    ledger.customers[6]["city"] = "and elsewhere again"
    assert "same moment: 6" in red(conn, there, whole=True).message
    ledger.change(6, minutes=100)
    hour(conn, there)
    assert check(conn, there) == "BALANCED"


def test_a_customer_the_source_no_longer_has_is_named_and_accepted(
    conn: connection, there: Settings, ledger: CustomerSource
) -> None:
    for one in range(1, 11):
        ledger.change(one, minutes=one)
    hour(conn, there)
    del ledger.customers[6]
    error = red(conn, there, whole=True)
    assert "customers not at the source, or newer in Silver: 6" in error.message
    assert "--accept" in error.remedy
    assert check(conn, there, accept=True) == "EXPLAINED"
    assert rows(conn, LAST) == [("EXPLAINED", 9, 10, 0, 0, -1, True)]
    assert not is_unbalanced(conn)
    assert check(conn, there, whole=True) == "EXPLAINED"


def test_a_row_lost_in_silver_is_named(conn: connection, there: Settings, ledger: CustomerSource) -> None:
    for one in range(1, 301):
        ledger.change(one, minutes=one * 60)
    hour(conn, there)
    execute(conn, "delete from silver.customers where customer_id in (17, 200)")
    execute(conn, "update silver.customers set city = 'x' where customer_id = 211")
    message = red(conn, there, whole=True).message
    assert "missing or older in Silver: 17, 200" in message
    assert "same moment: 211" in message


def test_totals_that_count_a_customer_the_listing_hides_are_a_difference(
    conn: connection, there: Settings, ledger: CustomerSource
) -> None:
    for one in range(1, 11):
        ledger.change(one, minutes=one)
    ledger.hidden = {5}
    hour(conn, there)
    for whole in (False, True):
        error = red(conn, there, whole=whole)
        assert "totals differ by 1 records, the listing shows no such record" in error.message
        assert "have the source fixed" in error.remedy


def test_a_customer_in_quarantine_is_explained_as_long_as_the_source_has_that_very_record(
    conn: connection, there: Settings, ledger: CustomerSource
) -> None:
    for one in range(1, 11):
        ledger.change(one, minutes=one)
    ledger.change(4, minutes=4, country="France")
    hour(conn, there)
    for whole in (False, True):
        assert check(conn, there, whole=whole) == "EXPLAINED"
    assert rows(conn, LAST) == [("EXPLAINED", 10, 9, 0, 1, 0, True)]
    ledger.change(4, minutes=4, country="FR")
    assert "missing or older in Silver: 4" in red(conn, there, whole=True).message


def test_a_source_without_totals_of_customers_is_unchecked_and_says_so(
    conn: connection, there: Settings, ledger: CustomerSource
) -> None:
    ledger.change(1, minutes=1)
    hour(conn, there)
    ledger.has_totals = False
    reconciled = reconcile_sales(conn, there, run_id="r")
    assert [one.status for one in reconciled.others] == ["UNCHECKED"]
    assert "the source offers no totals of customers" in reconciled.summary()
    assert not is_unbalanced(conn)


def test_without_an_older_cursor_of_ours_the_listing_is_read_from_the_beginning(
    conn: connection, there: Settings, ledger: CustomerSource
) -> None:
    for one in range(1, 11):
        ledger.change(one, minutes=one * 60)
    hour(conn, there)
    check(conn, there)
    ledger.change(99, minutes=9 * 60 + 1)
    ledger.listed.clear()
    assert "Silver: 99" in red(conn, there).message
    assert None in ledger.listed


def test_an_hour_reads_the_listing_from_a_cursor_of_before_and_not_from_the_beginning(
    conn: connection, there: Settings, ledger: CustomerSource
) -> None:
    for batch in range(5):
        for one in range(1, 101):
            ledger.change(batch * 100 + one, minutes=batch * 600 + one)
        hour(conn, there)
        check(conn, there)
    ledger.change(480, minutes=2600)
    ledger.listed.clear()
    assert check(conn, there) == "EXPLAINED"
    assert None not in ledger.listed
    assert len(ledger.listed) <= 6


def test_all_entities_of_the_real_source_balance_hour_and_night(
    conn: connection, settings: Settings, source: Source
) -> None:
    for hours in range(3):
        source.set_clock(NOON + timedelta(days=3 * hours))
        whole_hour(conn, settings, entities="customers products stores")
        sales_hour(conn, settings)
        reconciled = reconcile_sales(conn, settings, run_id="r")
        assert [one.entity for one in reconciled.checks] == ["sales", "customers", "products", "stores"]
        assert {one.status for one in reconciled.checks} == {"BALANCED"}
    night = reconcile_all(conn, settings, run_id="night")
    assert {one.status for one in night.checks} == {"BALANCED"}
    source.set_clock(NOON + timedelta(days=17))
    late = {one.entity: one.status for one in reconcile_all(conn, settings, run_id="night").others}
    assert late == {"customers": "EXPLAINED", "products": "EXPLAINED", "stores": "BALANCED"}
