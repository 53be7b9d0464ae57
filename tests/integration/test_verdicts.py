"""What a check calls BALANCED, EXPLAINED, DIFFERENT and UNCHECKED, and what the table itself refuses to be told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import connection

from ingestion.sales import collect_sales
from loaders.load_all_silver import load_all_silver
from medallion.errors import ConfigurationError, DataQualityError, SourceViolation
from medallion.schema import prepare_schema
from medallion.settings import Settings
from medallion.state.reconciliation import is_unbalanced
from quality.reconcile import reconcile_all, reconcile_sales
from quality.repair import repair_sales
from tests.conftest import serving
from tests.former_versions import BEFORE_NUMBERS
from tests.integration.test_reconciliation import execute, hour
from tests.ledger_source import LedgerSource, sale
from tests.queries import rows

NOTED = """
    select dataset, status, source_count, silver_count, late_count, rejected_count, accepted_count
    from meta.reconciliation order by reconciliation_id desc limit 2
"""


class Liar(LedgerSource):
    """Its listing never shows `hidden`; `told` are totals it tells instead of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: set[int] = set()
        self.told: dict[str, Any] = {}
        self.asked_totals: list[tuple[int, int | None]] = []
        self.has_totals = True

    def _between(self, after: int, up_to: int | None) -> list[dict[str, Any]]:
        return [one for one in super()._between(after, up_to) if one["sale_id"] not in self.hidden]

    def _totals_between(self, after: int, up_to: int | None) -> list[dict[str, Any]]:
        self.asked_totals.append((after, up_to))
        return super()._between(after, up_to)

    async def _totals(self, after: int = 0, up_to: int | None = None) -> Any:
        if not self.has_totals:
            from fastapi import HTTPException

            raise HTTPException(404)
        return await super()._totals(after, up_to) | self.told


@pytest.fixture
def ledger() -> Liar:
    return Liar()


@pytest.fixture
def ledger_settings(settings: Settings, ledger: Liar) -> Iterator[Settings]:
    with serving(ledger.app) as url:
        quick = {"source_page_size": 50, "source_retry_seconds": 1.0, "source_retry_attempts": 1}
        yield settings.model_copy(update={"source_api_url": url, **quick})


def difference(conn: connection, settings: Settings, *, whole: bool = False) -> DataQualityError:
    with pytest.raises(DataQualityError) as raised:
        reconcile_sales(conn, settings, run_id="r", whole=whole)
    return raised.value


def green(conn: connection, settings: Settings, *, whole: bool = True) -> str:
    checked = reconcile_sales(conn, settings, run_id="green", whole=whole).checked
    assert checked is not None
    assert not is_unbalanced(conn)
    return checked.status


def test_totals_that_count_a_sale_the_listing_never_shows_are_a_difference(
    conn: connection, ledger_settings: Settings, ledger: Liar
) -> None:
    ledger.commit(1, 2, 3, 4)
    ledger.hidden = {3}
    hour(conn, ledger_settings)
    error = difference(conn, ledger_settings)
    words = "totals differ by 1 sale, 1 line, 24.50 between 2 and 4, the listing shows no such sale"
    assert words in error.message
    assert "have the source fixed" in error.remedy
    assert "--accept" not in error.remedy
    assert {row[1] for row in rows(conn, NOTED)} == {"DIFFERENT"}
    with pytest.raises(DataQualityError, match="the listing shows no such sale"):
        reconcile_all(conn, ledger_settings, run_id="night")
    with pytest.raises(DataQualityError, match="the listing shows no such sale"):
        reconcile_sales(conn, ledger_settings, run_id="by hand", accept=True)


@pytest.mark.parametrize("hidden", [{1}, {40}, {20, 21, 22}, {1, 40}, set(range(1, 41))])
def test_hidden_sales_are_a_difference_wherever_they_lie(
    conn: connection, ledger_settings: Settings, ledger: Liar, hidden: set[int]
) -> None:
    ledger.commit_all(range(1, 42))
    ledger.hidden = hidden
    hour(conn, ledger_settings)
    assert re.search(r"totals differ by \d+ sales?, \d+ lines?", difference(conn, ledger_settings).message)


def test_a_quarantined_line_does_not_cover_a_sale_that_the_listing_hides(
    conn: connection, ledger_settings: Settings, ledger: Liar
) -> None:
    ledger.commit(1, 2, 3, 4)
    ledger.sales[2]["lines"][0]["quantity"] = "many"
    ledger.totals_leave_out = {2}
    ledger.hidden = {3}
    hour(conn, ledger_settings)
    assert "totals differ" in difference(conn, ledger_settings).message


@pytest.mark.parametrize(
    "told",
    [
        {"net_amount": "NaN"},
        {"net_amount": "Infinity"},
        {"net_amount": "1e99999"},
        {"net_amount": "12.505"},
        {"sales": -1},
        {"lines": -1},
        {"sales": 0},
        {"sales": 999},
        {"lines": 0},
        {"checksum": "-1"},
        {"checksum": "1" * 30},
        {"checksum": "²"},
        {"checksum": str(2**60)},
    ],
)
def test_totals_that_cannot_be_right_are_refused(
    conn: connection, ledger_settings: Settings, ledger: Liar, told: dict[str, Any]
) -> None:
    ledger.commit(1, 2)
    hour(conn, ledger_settings)
    ledger.told = told
    with pytest.raises(SourceViolation):
        reconcile_sales(conn, ledger_settings, run_id="r")
    assert rows(conn, "select count(*) from meta.reconciliation") == [(0,)]


@pytest.mark.parametrize("told", [{"sales": 1}, {"lines": 3}, {"net_amount": "49.01"}, {"checksum": "1"}])
def test_totals_that_the_listing_does_not_bear_out_are_a_difference(
    conn: connection, ledger_settings: Settings, ledger: Liar, told: dict[str, Any]
) -> None:
    ledger.commit(1, 2)
    hour(conn, ledger_settings)
    ledger.told = told
    assert "totals differ by" in difference(conn, ledger_settings).message


def test_a_source_without_totals_is_unchecked_and_green_and_the_run_says_so(
    conn: connection, ledger_settings: Settings, ledger: Liar, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.commit(1, 2)
    hour(conn, ledger_settings)
    ledger.has_totals = False
    reconciled = reconcile_sales(conn, ledger_settings, run_id="r")
    assert reconciled.checked is not None
    assert reconciled.checked.status == "UNCHECKED"
    assert "the source offers no totals of sales" in reconciled.summary()
    assert "agree" not in reconciled.summary()
    assert [record.levelname for record in caplog.records if "no totals" in record.message] == ["WARNING"]
    assert rows(conn, NOTED) == [
        ("sales_product", "UNCHECKED", None, 2, 0, 0, 0),
        ("sales_customer", "UNCHECKED", None, 2, 0, 0, 0),
    ]
    ledger.commit(3)
    hour(conn, ledger_settings)
    again = reconcile_sales(conn, ledger_settings, run_id="r2").checked
    assert again is not None
    assert again.span.after == 2  # an hour costs what it brought, here too


def test_a_source_without_totals_still_has_our_own_layers_compared(
    conn: connection, ledger_settings: Settings, ledger: Liar
) -> None:
    ledger.commit(1, 2)
    hour(conn, ledger_settings)
    ledger.has_totals = False
    execute(conn, "delete from gold.sales_item where sale_id = 2")
    assert "Gold holds 1 lines" in difference(conn, ledger_settings).message


def test_a_source_without_a_checksum_is_compared_by_its_amounts(
    conn: connection, ledger_settings: Settings, ledger: Liar
) -> None:
    ledger.tells_checksums = False
    ledger.commit(1, 2)
    hour(conn, ledger_settings)
    reconciled = reconcile_sales(conn, ledger_settings, run_id="r")
    assert reconciled.checked is not None
    assert reconciled.checked.status == "BALANCED"
    assert "counts and amounts only" in reconciled.summary()
    ledger.sales[2]["lines"][0]["discount"] = "0.60"
    assert "lines or amounts: 2" in difference(conn, ledger_settings, whole=True).message


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("customer_id", 99),
        ("store_id", 7),
        ("sold_at", "2026-11-20T10:00:01Z"),
        ("channel", "web"),
        ("payment_method", "cash"),
        ("currency", "USD"),
    ],
)
def test_a_header_that_changed_at_the_source_is_named_though_all_amounts_agree(
    conn: connection, ledger_settings: Settings, ledger: Liar, member: str, value: Any
) -> None:
    ledger.commit_all(range(1, 121))
    hour(conn, ledger_settings)
    ledger.sales[77][member] = value
    error = difference(conn, ledger_settings)
    assert "with another customer, store, time or payment: 77" in error.message
    repair(conn, ledger_settings, error)
    assert green(conn, ledger_settings) == "BALANCED"


def repair(conn: connection, settings: Settings, error: DataQualityError) -> None:
    """Carry out what the message says: the command that it prints, then the next run."""
    (options,) = re.findall(r"\./retail reconcile ((?:--repair \d+ ?)+)", error.remedy)
    repair_sales(conn, settings, [int(one) for one in re.findall(r"\d+", options)], run_id="by hand")
    hour(conn, settings)


@pytest.mark.parametrize(("first", "then"), [("0.50", "10.50"), ("10.50", "0.50")])
def test_a_corrected_sale_is_repaired_whichever_amount_is_greater(
    conn: connection, ledger_settings: Settings, ledger: Liar, first: str, then: str
) -> None:
    ledger.commit_all(range(1, 6))
    ledger.sales[3]["lines"][0]["discount"] = first
    hour(conn, ledger_settings)
    ledger.sales[3]["lines"][0]["discount"] = then
    error = difference(conn, ledger_settings)
    assert "lines or amounts: 3" in error.message
    repair(conn, ledger_settings, error)
    assert rows(conn, "select discount from silver.sales_product where sale_id = 3") == [(Decimal(then),)]
    assert rows(conn, "select count(*) from meta.gold_rebuild") == [(1,)]
    assert green(conn, ledger_settings) == "BALANCED"


def test_a_line_that_the_source_removed_is_gone_after_a_repair(
    conn: connection, ledger_settings: Settings, ledger: Liar
) -> None:
    ledger.sales = {one: sale(one, lines=3) for one in range(1, 6)}
    hour(conn, ledger_settings)
    del ledger.sales[4]["lines"][1]
    error = difference(conn, ledger_settings)
    repair(conn, ledger_settings, error)
    assert rows(conn, "select line_no from silver.sales_product where sale_id = 4 order by 1") == [(1,), (3,)]
    assert green(conn, ledger_settings) == "BALANCED"


def test_a_sale_lost_in_silver_is_back_after_the_printed_repair(
    conn: connection, ledger_settings: Settings, ledger: Liar
) -> None:
    ledger.commit_all(range(1, 6))
    hour(conn, ledger_settings)
    execute(conn, "delete from silver.sales_customer where sale_id = 2")
    execute(conn, "delete from silver.sales_product where sale_id in (2, 5)")
    error = difference(conn, ledger_settings)
    assert "missing in Silver: 2" in error.message
    assert "lines or amounts: 5" in error.message
    repair(conn, ledger_settings, error)
    assert green(conn, ledger_settings) == "BALANCED"


def silver(conn: connection) -> list[Any]:
    return rows(
        conn,
        "select sale_id, customer_id, line_no, discount from silver.sales_customer "
        "full join silver.sales_product using (sale_id) order by 1, 3",
    )


def test_old_files_loaded_again_do_not_undo_a_repair(conn: connection, ledger_settings: Settings, ledger: Liar) -> None:
    """In any order: with the old file after the repair's, and with everything from Bronze alone."""
    ledger.sales = {one: sale(one, lines=2) for one in range(1, 6)}
    ledger.sales[3]["lines"][0]["discount"] = "10.50"
    hour(conn, ledger_settings)
    ledger.sales[3]["lines"] = ledger.sales[3]["lines"][:1]
    ledger.sales[3]["lines"][0]["discount"] = "0.50"
    ledger.sales[3]["customer_id"] = 1
    repair_sales(conn, ledger_settings, [3], run_id="by hand")
    hour(conn, ledger_settings)
    repaired = silver(conn)
    assert (3, 1, 1, Decimal("0.50")) in repaired
    for forgotten in ("load_id = (select min(load_id) from meta.bronze_file)", "true"):
        execute(conn, f"update meta.bronze_file set silver_load_id = null where {forgotten}")
        load_all_silver(conn, ledger_settings, run_id="again")
        assert silver(conn) == repaired
    execute(conn, "truncate silver.sales_customer, silver.sales_product")
    execute(conn, "update meta.bronze_file set silver_load_id = null")
    load_all_silver(conn, ledger_settings, run_id="rebuild")
    assert silver(conn) == repaired


def test_a_sale_repaired_twice_is_as_the_second_repair_found_it(
    conn: connection, ledger_settings: Settings, ledger: Liar
) -> None:
    ledger.commit(1, 2)
    hour(conn, ledger_settings)
    for amount in ("9.00", "3.00"):
        ledger.sales[1]["lines"][0]["discount"] = amount
        repair_sales(conn, ledger_settings, [1], run_id="by hand")
    hour(conn, ledger_settings)
    assert rows(conn, "select discount from silver.sales_product where sale_id = 1") == [(Decimal("3.00"),)]
    assert green(conn, ledger_settings) == "BALANCED"


def test_a_repair_of_what_the_source_does_not_have_keeps_nothing_and_says_what_to_do(
    conn: connection, ledger_settings: Settings, ledger: Liar
) -> None:
    ledger.commit(1, 2, 3)
    hour(conn, ledger_settings)
    del ledger.sales[2]
    files = rows(conn, "select count(*) from meta.bronze_file")
    with pytest.raises(ConfigurationError, match="does not have sales 2") as raised:
        repair_sales(conn, ledger_settings, [1, 2], run_id="by hand")
    assert "reconcile --accept" in raised.value.remedy
    assert rows(conn, "select count(*) from meta.bronze_file") == files
    assert rows(conn, "select count(*) from meta.sale_repair") == [(0,)]
    for beyond in ([4], [0], []):
        with pytest.raises(ConfigurationError, match="nothing to repair"):
            repair_sales(conn, ledger_settings, beyond, run_id="by hand")
    difference(conn, ledger_settings)
    accepted = reconcile_sales(conn, ledger_settings, run_id="by hand", accept=True).checked
    assert accepted is not None
    assert accepted.status == "EXPLAINED"
    assert green(conn, ledger_settings) == "EXPLAINED"


def test_a_repair_moves_no_watermark(conn: connection, ledger_settings: Settings, ledger: Liar) -> None:
    ledger.commit(1, 2, 3)
    hour(conn, ledger_settings)
    repair_sales(conn, ledger_settings, [1], run_id="by hand")
    assert rows(conn, "select cursor_value from meta.ingestion_state where entity = 'sales'") == [("3",)]
    ledger.commit(4)
    collect_sales(conn, ledger_settings, run_id="r")
    assert rows(conn, "select cursor_value from meta.ingestion_state where entity = 'sales'") == [("4",)]


def test_a_difference_that_was_accepted_and_then_grows_is_red_again(
    conn: connection, ledger_settings: Settings, ledger: Liar
) -> None:
    ledger.commit_all(range(1, 21))
    hour(conn, ledger_settings)
    del ledger.sales[5]
    difference(conn, ledger_settings)
    reconcile_sales(conn, ledger_settings, run_id="by hand", accept=True)
    assert green(conn, ledger_settings) == "EXPLAINED"
    ledger.commit(5)
    ledger.sales[5]["lines"][0]["unit_price"] = "9989.00"
    assert "lines or amounts: 5" in difference(conn, ledger_settings, whole=True).message


def test_the_same_ids_with_other_figures_are_not_the_accepted_difference(
    conn: connection, ledger_settings: Settings, ledger: Liar
) -> None:
    """Also beyond the ids that a message names: other sales of the same number are another difference."""
    ledger.commit_all(range(1, 41))
    hour(conn, ledger_settings)
    for one in range(1, 13):
        del ledger.sales[one]
    difference(conn, ledger_settings)
    accepted = reconcile_sales(conn, ledger_settings, run_id="by hand", accept=True).checked
    assert accepted is not None
    assert (accepted.status, accepted.accepted) == ("EXPLAINED", 12)
    assert rows(conn, NOTED)[1][2:] == (28, 40, 0, 0, -12)
    ledger.commit(12)
    del ledger.sales[13]
    error = difference(conn, ledger_settings, whole=True)
    assert "sales not at the source: 13" in error.message
    execute(conn, "update silver.sales_product set discount = discount + 1 where sale_id = 3")
    execute(conn, "update gold.sales_item set net_amount = net_amount - 1 where sale_id = 3")
    assert "sales not at the source: 3, 13" in difference(conn, ledger_settings, whole=True).message


def test_a_line_set_aside_and_corrected_at_the_source_is_no_difference_after_the_repair(
    conn: connection, ledger_settings: Settings, ledger: Liar
) -> None:
    ledger.sales = {one: sale(one, lines=2) for one in range(1, 7)}
    ledger.sales[3]["lines"][0]["quantity"] = "many"
    ledger.totals_leave_out = {3}
    hour(conn, ledger_settings)
    assert green(conn, ledger_settings) == "EXPLAINED"
    ledger.sales[3]["lines"][0]["quantity"] = 2
    ledger.totals_leave_out = set()
    ledger.sales[5]["lines"][0]["discount"] = "0.75"
    error = difference(conn, ledger_settings, whole=True)
    assert "lines or amounts: 3, 5" in error.message
    repair(conn, ledger_settings, error)
    assert green(conn, ledger_settings) == "BALANCED"


def test_amounts_of_the_other_lines_of_a_sale_with_a_line_set_aside_are_compared(
    conn: connection, ledger_settings: Settings, ledger: Liar
) -> None:
    ledger.sales = {one: sale(one, lines=3) for one in range(1, 7)}
    ledger.sales[3]["lines"][0]["quantity"] = "many"
    ledger.totals_leave_out = {3}
    hour(conn, ledger_settings)
    ledger.sales[3]["lines"][2]["discount"] = "0.75"
    assert "lines or amounts: 3" in difference(conn, ledger_settings, whole=True).message


def test_a_record_in_quarantine_that_the_source_no_longer_has_explains_nothing(
    conn: connection, ledger_settings: Settings, ledger: Liar
) -> None:
    ledger.commit_all(range(1, 7))
    ledger.sales[3]["store_id"] = None
    hour(conn, ledger_settings)
    assert green(conn, ledger_settings) == "EXPLAINED"
    ledger.sales[3]["store_id"] = 1
    error = difference(conn, ledger_settings, whole=True)
    assert "sales missing in Silver: 3" in error.message
    repair(conn, ledger_settings, error)
    assert green(conn, ledger_settings) == "BALANCED"


def test_a_sale_without_a_readable_id_is_explained_by_quarantine_only_if_it_is_there(
    conn: connection, ledger_settings: Settings, ledger: Liar
) -> None:
    ledger.commit(1, 2, 3)
    ledger.sales[2]["sale_id"] = "2"

    async def page(cursor: int = 0, limit: int = 1000, up_to: int | None = None) -> Any:
        found = [ledger.sales[one] for one in sorted(ledger.sales) if cursor < one <= (up_to or one)][:limit]
        return {
            "items": found,
            "count": len(found),
            "has_more": False,
            "next_cursor": str(max((one for one in ledger.sales if one <= (up_to or one)), default=0))
            if found
            else None,
        }

    ledger.app.router.routes = [one for one in ledger.app.router.routes if getattr(one, "path", "") != "/sales"]
    ledger.app.get("/sales")(page)
    hour(conn, ledger_settings)
    assert green(conn, ledger_settings, whole=False) == "EXPLAINED"
    execute(conn, "delete from meta.rejected_record")
    message = difference(conn, ledger_settings, whole=True).message
    assert "whose id cannot be read, from 2 on, neither in Silver nor in quarantine" in message


def test_bronze_receipts_that_are_gone_come_back_by_the_printed_full_refresh(
    conn: connection, ledger_settings: Settings, ledger: Liar
) -> None:
    ledger.commit_all(range(1, 7))
    hour(conn, ledger_settings)
    execute(conn, "delete from meta.bronze_file where dataset = 'sales_product'")
    error = difference(conn, ledger_settings)
    assert "Bronze's receipts hold 6 sales and 0 lines" in error.message
    assert "full_refresh" in error.remedy
    collect_sales(conn, ledger_settings, run_id="again", full_refresh=True)
    hour(conn, ledger_settings)
    assert green(conn, ledger_settings) == "BALANCED"


def test_a_check_of_a_large_span_asks_for_little_beyond_what_differs(
    conn: connection, ledger_settings: Settings, ledger: Liar
) -> None:
    ledger.commit_all(range(1, 1001))
    hour(conn, ledger_settings)
    ledger.asked.clear()
    ledger.asked_totals.clear()
    assert green(conn, ledger_settings) == "BALANCED"
    assert (len(ledger.asked), len(ledger.asked_totals)) == (0, 1)
    ledger.sales[600]["store_id"] = 9
    difference(conn, ledger_settings, whole=True)
    assert len(ledger.asked) <= 2
    assert len(ledger.asked_totals) <= 16


def test_ids_in_large_steps_are_checked_in_few_requests(
    conn: connection, ledger_settings: Settings, ledger: Liar
) -> None:
    ledger.commit_all(range(1, 2**40, 2**33))
    hour(conn, ledger_settings)
    ledger.asked_totals.clear()
    assert green(conn, ledger_settings) == "BALANCED"
    assert len(ledger.asked_totals) <= 30


NEW_ROW = """
    insert into meta.reconciliation (
        run_id, dataset, after_id, up_to_id, source_count, bronze_count, silver_count, late_count, rejected_count,
        accepted_count, status, difference, is_settled, source_net_amount, silver_net_amount
    ) values ('r', %s, 0, 1, %s, 1, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


@pytest.mark.parametrize(
    "row",
    [
        ("sales_customer", 4, 3, 0, 0, 0, "BALANCED", None, True, None, None),
        ("sales_customer", 4, 3, 0, 1, 0, "BALANCED", None, True, None, None),
        ("sales_product", 4, 4, 0, 0, 0, "BALANCED", None, True, 40, 30),
        ("sales_product", 4, 3, 0, 0, 0, "EXPLAINED", "words", True, 40, 30),
        ("sales_product", 4, 4, 0, 0, 0, "EXPLAINED", "words", True, 40, 30),
        ("sales_product", 4, 4, 0, 0, 0, "DIFFERENT", "words", True, 40, 30),
        ("sales_product", None, 4, 0, 0, 0, "BALANCED", None, True, None, 30),
    ],
)
def test_the_table_refuses_a_verdict_that_its_numbers_do_not_bear_out(conn: connection, row: tuple[Any, ...]) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation), conn, conn.cursor() as cursor:
        cursor.execute(NEW_ROW, row)


def test_the_table_refuses_a_verdict_on_a_dataset_that_is_not_declared(conn: connection) -> None:
    row = ("shelves", 4, 4, 0, 0, 0, "BALANCED", None, True, None, None)
    with pytest.raises(psycopg2.errors.ForeignKeyViolation), conn, conn.cursor() as cursor:
        cursor.execute(NEW_ROW, row)


@pytest.mark.parametrize(
    "row",
    [
        ("customers", 4, 4, 0, 0, 0, "BALANCED", None, True, None, None),
        ("sales_product", 5, 3, 1, 2, -1, "EXPLAINED", "words", True, 40, 30),
        ("sales_product", 3, 3, 0, 0, 0, "BALANCED", None, True, 10**35, 10**35),
    ],
)
def test_the_table_takes_what_adds_up(conn: connection, row: tuple[Any, ...]) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute(NEW_ROW, row)


def test_a_warehouse_of_before_keeps_its_checks(conn: connection) -> None:
    """Rows with the statuses of before, one of which claims to balance and does not, and the columns of before."""
    before = f"""
        {BEFORE_NUMBERS}
        drop view meta.vw_open_differences;
        alter table meta.reconciliation
        drop column late_count, drop column accepted_count, drop column late_net_amount,
        drop column accepted_net_amount, drop column source_checksum, drop column silver_checksum,
        drop column updated_after, drop column updated_up_to, drop column is_settled,
        drop constraint reconciliation_status_check, drop constraint reconciliation_dataset_check,
        alter column source_net_amount type numeric(18, 2), alter column source_count set not null;
        alter table meta.reconciliation
        add constraint reconciliation_status_check check (status in ('BALANCED', 'LATE', 'DIFFERENT', 'ACCEPTED')),
        add constraint reconciliation_dataset_check check (dataset in ('sales_customer', 'sales_product'));
        insert into meta.reconciliation (
            run_id, dataset, after_id, up_to_id, source_count, bronze_count, silver_count, rejected_count, status,
            difference
        )
        values
        ('a', 'sales_product', 0, 4, 4, 3, 3, 0, 'BALANCED', null),
        ('b', 'sales_product', 4, 6, 2, 2, 1, 0, 'ACCEPTED', 'words'),
        ('c', 'sales_product', 6, 9, 3, 3, 2, 0, 'LATE', 'words'),
        ('d', 'sales_product', 6, 9, 3, 3, 2, 0, 'DIFFERENT', 'words');
    """
    execute(conn, before)
    for _ in range(2):
        prepare_schema(conn, even_if_unchanged=True)
    settled = "select run_id, is_settled from meta.reconciliation order by 1"
    assert rows(conn, settled) == [("a", True), ("b", True), ("c", False), ("d", False)]
    assert rows(conn, "select run_id from meta.vw_open_differences order by 1") == [("c",), ("d",)]
    with conn, conn.cursor() as cursor:
        cursor.execute(NEW_ROW, ("products", 1, 1, 0, 0, 0, "BALANCED", None, True, None, None))


def test_json_of_the_ledger_has_the_contracts_checksum() -> None:
    """The ledger's own implementation is apart from ours; both must say the same of a plain sale."""
    from ingestion.split import split_sales
    from quality.checksum import checksums_of, total_of
    from tests.ledger_source import checksum

    headers, lines = split_sales([json.dumps(sale(5, lines=2), separators=(",", ":")).encode()])
    ours = [
        *checksums_of("sales_customer", headers.text.splitlines()),
        *checksums_of("sales_product", lines.text.splitlines()),
    ]
    assert None not in ours
    assert total_of(one for one in ours if one is not None) == checksum([sale(5, lines=2)])
