"""What errors tell a person to do, carried out against a real Gold."""

from __future__ import annotations

import re

import pytest
from psycopg2.extensions import connection

from medallion.errors import DataQualityError, RetailError
from medallion.settings import Settings
from medallion.state.reconciliation import is_unbalanced
from quality.rebuild import rebuild_in_place
from quality.reconcile import reconcile_all, reconcile_sales
from quality.repair import repair_sales
from quality.why.trace import why
from tests.pipeline import build, hour
from tests.queries import rows

SUMS = """
    select (select sum(net_amount) from gold.sales_item), (select sum(net_amount) from gold.mart_sales_by_customer),
    (select sum(quantity * unit_price - discount) from silver.sales_product)
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_repair_and_the_next_run_mend_silver_and_gold_and_a_rebuild_mends_gold_alone(
    conn: connection, settings: Settings
) -> None:
    hour(conn, settings)
    build(conn, settings)
    assert {one.status for one in reconcile_sales(conn, settings, run_id="r").checks} == {"BALANCED"}
    before = rows(conn, SUMS)
    with conn, conn.cursor() as cursor:  # as if the source had corrected one, and removed a line of another
        cursor.execute("update silver.sales_product set unit_price = unit_price + 5000 where sale_id = 5")
        cursor.execute("update silver.sales_customer set store_id = 999 where sale_id = 8")
        cursor.execute(
            "insert into silver.sales_product select sale_id, 77, product_id, 1, 1, 0, _load_id "
            "from silver.sales_product where sale_id = 6 and line_no = 1"
        )
    with pytest.raises(DataQualityError, match="sales with other lines or amounts: 5, 6") as raised:
        reconcile_all(conn, settings, run_id="night")
    assert "store, time or payment: 8" in raised.value.message
    ids = [int(one) for one in re.findall(r"--repair (\d+)", raised.value.remedy)]
    assert ids == [5, 6, 8]
    repair_sales(conn, settings, ids, run_id="by hand")
    hour(conn, settings)
    build(conn, settings)
    assert {one.status for one in reconcile_all(conn, settings, run_id="night").checks} == {"BALANCED"}
    assert not is_unbalanced(conn)
    assert rows(conn, SUMS) == before
    assert rows(conn, "select count(*) from meta.gold_rebuild") == [(0,)]

    with conn, conn.cursor() as cursor:
        cursor.execute("delete from gold.sales_item where sale_id = 9")
    with pytest.raises(DataQualityError, match=r"Gold holds .* sales 9") as raised:
        reconcile_all(conn, settings, run_id="night")
    assert "./retail rebuild --in-place" in raised.value.remedy
    rebuild_in_place(conn, settings, run_id="by hand")
    assert {one.status for one in reconcile_all(conn, settings, run_id="night").checks} == {"BALANCED"}
    assert rows(conn, SUMS) == before


def test_before_the_first_build_why_names_what_builds_a_mart(conn: connection, settings: Settings) -> None:
    with pytest.raises(RetailError) as raised:
        why(conn, settings, "mart_daily_kpis", ["2026-11-05"], most=1)
    assert (raised.value.message, raised.value.remedy) == ("gold.mart_daily_kpis was not built yet", "./retail run")
