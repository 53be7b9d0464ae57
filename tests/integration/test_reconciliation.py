"""Control totals from the source to Gold: what differs is found, named, and not confused with what is only late."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from psycopg2.extensions import connection

from ingestion.sales import collect_sales
from loaders.load_all_silver import load_all_silver
from medallion.errors import DataQualityError, EntityLocked
from medallion.settings import Settings
from medallion.state.reconciliation import is_unbalanced
from quality.reconcile import reconcile_all, reconcile_sales
from tests.conftest import serving
from tests.ledger_source import LedgerSource, sale
from tests.queries import rows

LAST = """
    select dataset, after_id, up_to_id, source_count, silver_count, rejected_count, gold_count, status
    from meta.reconciliation order by reconciliation_id desc limit 2
"""


@pytest.fixture
def ledger() -> LedgerSource:
    return LedgerSource()


@pytest.fixture
def ledger_settings(settings: Settings, ledger: LedgerSource) -> Iterator[Settings]:
    with serving(ledger.app) as url:
        yield settings.model_copy(update={"source_api_url": url, "source_page_size": 50})


def execute(conn: connection, statement: str) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute(statement)


def hour(conn: connection, settings: Settings) -> None:
    """Pull, load, and a fact that takes all of it. The real one is dbt's, and tested with it."""
    collect_sales(conn, settings, run_id="r")
    load_all_silver(conn, settings, run_id="r")
    execute(
        conn,
        """
        create table if not exists gold.sales_item (sale_id bigint, net_amount numeric(14, 2));
        truncate gold.sales_item;
        insert into gold.sales_item
        select sale_id, quantity * unit_price - discount
        from silver.sales_product inner join silver.sales_customer using (sale_id);
        update meta.gold_state set load_id = (select max(load_id) from meta.load) where model = 'sales_item';
        """,
    )


def test_layers_that_agree_balance_and_the_next_check_begins_behind_them(
    conn: connection, ledger_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 121))
    hour(conn, ledger_settings)
    first = reconcile_sales(conn, ledger_settings, run_id="r1").checked
    assert first is not None
    assert (first.source.sales, first.source.net_amount) == (120, Decimal("2940.00"))
    assert rows(conn, LAST) == [
        ("sales_product", 0, 120, 120, 120, 0, 120, "BALANCED"),
        ("sales_customer", 0, 120, 120, 120, 0, None, "BALANCED"),
    ]
    ledger.commit_all(range(121, 131))
    hour(conn, ledger_settings)
    reconcile_sales(conn, ledger_settings, run_id="r2")
    assert [row[1:3] for row in rows(conn, LAST)] == [(120, 130), (120, 130)]


def test_nothing_new_asks_the_source_nothing(conn: connection, ledger_settings: Settings, ledger: LedgerSource) -> None:
    assert reconcile_sales(conn, ledger_settings, run_id="r").summary() == "reconciliation: nothing new to check"
    assert ledger.asked == []


def test_a_sale_lost_in_silver_fails_the_run_by_its_id_until_it_is_back(
    conn: connection, ledger_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 301))
    hour(conn, ledger_settings)
    execute(conn, "delete from silver.sales_customer where sale_id = 217")
    execute(conn, "delete from silver.sales_product where sale_id = 217")
    execute(conn, "delete from gold.sales_item where sale_id = 217")
    for run_id in ("r1", "r2"):
        with pytest.raises(DataQualityError, match="sales missing in Silver: 217"):
            reconcile_sales(conn, ledger_settings, run_id=run_id)
    assert is_unbalanced(conn)
    collect_sales(conn, ledger_settings, run_id="again", full_refresh=True)
    hour(conn, ledger_settings)
    assert reconcile_sales(conn, ledger_settings, run_id="r3").checked is not None
    assert not is_unbalanced(conn)


def test_an_amount_that_differs_by_a_cent_is_named(
    conn: connection, ledger_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 101))
    hour(conn, ledger_settings)
    ledger.sales[42]["lines"][0]["discount"] = "0.51"
    with pytest.raises(DataQualityError, match="sales with other lines or amounts: 42"):
        reconcile_sales(conn, ledger_settings, run_id="r")


def test_a_sale_the_source_no_longer_has_is_named(
    conn: connection, ledger_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 11))
    hour(conn, ledger_settings)
    del ledger.sales[7]
    with pytest.raises(DataQualityError, match="sales not at the source: 7"):
        reconcile_sales(conn, ledger_settings, run_id="r")


def test_a_commit_between_page_and_totals_is_late_and_balances_in_the_next_run(
    conn: connection, ledger_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit(1, 2, 4)
    hour(conn, ledger_settings)
    ledger.commit(3)
    late = reconcile_sales(conn, ledger_settings, run_id="r1").checked
    assert late is not None
    assert (late.status, late.difference) == ("EXPLAINED", "1 late, asked for again by the next pull: sales 3")
    assert is_unbalanced(conn)
    hour(conn, ledger_settings)
    done = reconcile_sales(conn, ledger_settings, run_id="r2").checked
    assert done is not None
    assert (done.status, done.span.after, done.source.sales) == ("BALANCED", 0, 4)


def test_a_sale_that_comes_after_its_gap_expired_is_a_difference(
    conn: connection, ledger_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit(1, 3)
    hour(conn, ledger_settings)
    execute(conn, "update meta.sales_gap set status = 'EXPIRED'")
    ledger.commit(2)
    with pytest.raises(DataQualityError, match="sales missing in Silver: 2"):
        reconcile_sales(conn, ledger_settings, run_id="r")


def test_records_set_aside_are_counted_and_no_difference(
    conn: connection, ledger_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 11))
    ledger.sales[4]["lines"][0]["quantity"] = "many"
    ledger.sales[5]["store_id"] = None
    ledger.totals_leave_out.add(4)
    hour(conn, ledger_settings)
    checked = reconcile_sales(conn, ledger_settings, run_id="r").checked
    assert checked is not None
    assert (checked.status, checked.in_quarantine) == ("EXPLAINED", (1, 1))
    assert checked.difference == "in quarantine: headers 1, lines 1"
    assert not is_unbalanced(conn)
    night = reconcile_all(conn, ledger_settings, run_id="night").checked
    assert night is not None
    assert (night.status, night.in_quarantine) == ("EXPLAINED", (1, 1))


def test_a_line_that_gold_dropped_fails_the_run(
    conn: connection, ledger_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 11))
    hour(conn, ledger_settings)
    execute(conn, "delete from gold.sales_item where sale_id = 9")
    with pytest.raises(DataQualityError, match=r"Gold holds 9 lines, .* it took 10 lines"):
        reconcile_sales(conn, ledger_settings, run_id="r")


def test_a_file_that_silver_has_not_taken_ends_the_span_before_it(
    conn: connection, ledger_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 11))
    hour(conn, ledger_settings)
    ledger.commit_all(range(11, 21))
    collect_sales(conn, ledger_settings, run_id="by hand")
    checked = reconcile_sales(conn, ledger_settings, run_id="r").checked
    assert checked is not None
    assert (checked.span.after, checked.span.up_to) == (0, 10)


def test_a_check_of_everything_finds_what_changed_long_ago(
    conn: connection, ledger_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 201))
    hour(conn, ledger_settings)
    reconcile_sales(conn, ledger_settings, run_id="r1")
    execute(conn, "delete from silver.sales_product where sale_id = 3")
    execute(conn, "delete from gold.sales_item where sale_id = 3")
    assert reconcile_sales(conn, ledger_settings, run_id="r2").checked is None
    with pytest.raises(DataQualityError, match="sales with other lines or amounts: 3"):
        reconcile_sales(conn, ledger_settings, run_id="r3", whole=True)


def test_a_withdrawn_sale_is_accepted_once_and_then_only_what_is_new_counts(
    conn: connection, ledger_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 11))
    hour(conn, ledger_settings)
    del ledger.sales[7]
    with pytest.raises(DataQualityError, match="--accept"):
        reconcile_sales(conn, ledger_settings, run_id="r1")
    accepted = reconcile_sales(conn, ledger_settings, run_id="by hand", accept=True).checked
    assert accepted is not None
    assert (accepted.status, accepted.difference) == ("EXPLAINED", "1 accepted as they are: sales 7")
    assert not is_unbalanced(conn)
    ledger.commit(11)
    hour(conn, ledger_settings)
    following = reconcile_sales(conn, ledger_settings, run_id="r2").checked
    assert following is not None
    assert (following.status, following.span.after) == ("BALANCED", 10)
    night = reconcile_all(conn, ledger_settings, run_id="night").checked
    assert night is not None
    assert night.status == "EXPLAINED"
    del ledger.sales[8]
    with pytest.raises(DataQualityError, match="sales not at the source: 8"):
        reconcile_all(conn, ledger_settings, run_id="next night")


def test_what_a_night_found_is_not_hidden_by_an_hour_that_balances(
    conn: connection, ledger_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 11))
    hour(conn, ledger_settings)
    reconcile_sales(conn, ledger_settings, run_id="r1")
    execute(conn, "delete from silver.sales_product where sale_id = 3")
    with pytest.raises(DataQualityError):
        reconcile_all(conn, ledger_settings, run_id="night")
    ledger.commit(11)
    hour(conn, ledger_settings)
    with pytest.raises(DataQualityError, match="lines or amounts: 3"):
        reconcile_sales(conn, ledger_settings, run_id="r2")
    assert is_unbalanced(conn)


def test_a_line_in_quarantine_does_not_hide_the_loss_of_its_sale(
    conn: connection, ledger_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.sales = {one: sale(one, lines=3) for one in range(1, 11)}
    ledger.sales[4]["lines"][0]["quantity"] = "many"
    ledger.totals_leave_out.add(4)
    hour(conn, ledger_settings)
    assert reconcile_sales(conn, ledger_settings, run_id="r1").checked is not None
    execute(conn, "delete from silver.sales_product where sale_id = 4 and line_no = 2")
    with pytest.raises(DataQualityError, match="lines or amounts: 4"):
        reconcile_all(conn, ledger_settings, run_id="night")


def test_a_night_waits_for_files_that_silver_has_not_taken(
    conn: connection, ledger_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit(1)
    collect_sales(conn, ledger_settings, run_id="r")
    with pytest.raises(EntityLocked, match="2 files of sales wait"):
        reconcile_all(conn, ledger_settings, run_id="night")
