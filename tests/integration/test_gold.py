"""Silver → Gold, by the real dbt: figures equal the source's, increments take each row once."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg2.extensions import connection

from gold import build as gold
from gold import dbt_runner
from medallion.database import connect, transaction
from medallion.errors import DataQualityError, GoldBuildFailed
from medallion.process.steps import CORE, MARTS
from medallion.settings import PROJECT_ROOT, Settings
from tests.conftest import NOON, Source
from tests.dbt_copies import alter, project_copy
from tests.figures import expected_mart, mart
from tests.pipeline import build, build_untested, hour
from tests.queries import rows

FACT = "models/gold/core/sales_item.sql"


def test_gold_holds_what_the_source_sold_hour_after_hour(conn: connection, settings: Settings, source: Source) -> None:
    for hours in range(3):
        source.set_clock(NOON + timedelta(hours=hours))
        hour(conn, settings)
        build(conn, settings)
        assert mart(conn) == expected_mart(source)
    totals = source.data.totals(0, None)
    assert rows(conn, "select count(*), sum(net_amount) from gold.sales_item") == [(totals.lines, totals.net_amount)]
    assert any(returns for _, returns, _, _ in mart(conn).values())
    assert rows(conn, "select count(*) from gold.dim_customer where is_inferred") == [(0,)]
    current = {json.loads(item)["customer_id"] for item in source.data.listing_page("customers", None, 10**9).items}
    assert {row[0] for row in rows(conn, "select customer_id from gold.dim_customer")} == current


@pytest.mark.slow
def test_an_hour_builds_only_what_it_brought(conn: connection, settings: Settings, source: Source) -> None:
    hour(conn, settings)
    build(conn, settings)
    before = source.data.totals(0, None)
    source.set_clock(NOON + timedelta(hours=1))
    hour(conn, settings)
    build(conn, settings)
    new_lines = source.data.totals(0, None).lines - before.lines
    loads = "select rows_inserted from meta.load where layer = 'gold' and dataset = 'sales_item' order by load_id"
    assert new_lines > 0
    assert rows(conn, loads) == [(before.lines,), (new_lines,)]
    assert_the_log_tells_new_rows_from_changed_ones(conn)


def assert_the_log_tells_new_rows_from_changed_ones(conn: connection) -> None:
    """What all loads have added is what the table holds, however it is built; the others were changed."""
    logged = (
        "select sum(rows_inserted), min(rows_updated), bool_and(rows_read = rows_inserted + rows_updated) "
        "from meta.load where layer = 'gold' and dataset = '{}'"
    )
    for table in (name.removeprefix("gold.") for name in (*CORE, *MARTS)):
        held = rows(conn, f"select count(*) from gold.{table}")[0][0]
        assert rows(conn, logged.format(table)) == [(held, 0, True)], table
    changed = "select sum(rows_updated) from meta.load where dataset = 'mart_sales_by_customer'"
    assert rows(conn, changed)[0][0] > 0


@pytest.mark.slow
def test_block_range_indexes_know_every_block_that_was_built(
    conn: connection, settings: Settings, source: Source
) -> None:
    blocks = "select pg_relation_size('gold.sales_item') / current_setting('block_size')::int"
    hour(conn, settings)
    build_untested(conn, settings)
    before = rows(conn, blocks)[0][0]
    source.set_clock(NOON + timedelta(days=15))
    hour(conn, settings)
    build_untested(conn, settings)
    unknown = """
        select pg_class.relname, brin_summarize_new_values(pg_class.oid)
        from pg_class inner join pg_am on pg_am.oid = relam
        where relnamespace = 'gold'::regnamespace and amname = 'brin'
    """
    assert rows(conn, blocks)[0][0] - before > 3 * 128  # blocks of a range
    found = rows(conn, unknown)
    assert len(found) >= 4  # one a model
    assert {ranges for _, ranges in found} == {0}


@pytest.mark.slow
def test_a_build_neither_waits_for_a_vacuum_nor_ends_it(
    conn: connection, settings: Settings, database_url: str, source: Source
) -> None:
    hour(conn, settings)
    build_untested(conn, settings)
    source.set_clock(NOON + timedelta(hours=1))
    hour(conn, settings)
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(f"alter database {conn.info.dbname} set statement_timeout = '20s'")  # who waits fails
    with connect(database_url) as vacuum, transaction(vacuum), vacuum.cursor() as cursor:
        cursor.execute("lock table gold.sales_item, gold.dim_customer in share update exclusive mode")
        build(conn, settings)
        with transaction(conn), conn.cursor() as large:
            large.execute("set local statement_timeout = '20s'")
            large.execute("select meta.close_gold('sales_item', 1000000)")  # so many rows are analyzed, too
    assert mart(conn) == expected_mart(source)


def test_dbt_deps_has_no_work_while_the_packages_are_linked(
    conn: connection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour(conn, settings)
    gold.prepare(conn, settings, run_id="first")
    commands: list[list[str]] = []
    monkeypatch.setattr(gold, "invoke", lambda _conn, _settings, command, _run_id: commands.append(command))
    gold.prepare(conn, settings, run_id="linked")
    assert commands == []
    (settings.retail_home / "dbt" / "packages" / "retail_generic").unlink()
    gold.prepare(conn, settings, run_id="unlinked")
    assert commands == [["deps"]]


@pytest.mark.slow
def test_nothing_is_due_once_gold_has_taken_and_tested_everything(
    conn: connection, settings: Settings, source: Source
) -> None:
    assert gold.gold_due(conn) == []
    hour(conn, settings)
    assert {pending.model for pending in gold.gold_due(conn)} > {"dim_customer", "dim_product", "sales_item"}
    build(conn, settings)
    assert gold.gold_due(conn) == []
    hour(conn, settings)
    assert gold.gold_due(conn) == []


@pytest.mark.slow
def test_sales_before_their_customers_and_products_point_at_inferred_members_completed_later(
    conn: connection, settings: Settings, source: Source
) -> None:
    hour(conn, settings, entities="sales")
    build(conn, settings)
    inferred = "select count(*) from gold.dim_customer where is_inferred"
    orphans = """
        select count(*) from gold.sales_item
        left join gold.dim_customer using (customer_key) left join gold.dim_product using (product_key)
        where dim_customer.customer_key is null or dim_product.product_key is null
    """
    assert rows(conn, inferred)[0][0] > 0
    assert rows(conn, orphans) == [(0,)]
    assert mart(conn) == expected_mart(source)
    hour(conn, settings)
    build(conn, settings)
    assert rows(conn, inferred) == [(0,)]
    assert rows(conn, orphans) == [(0,)]


@pytest.mark.slow
def test_a_full_refresh_gives_the_same_gold(conn: connection, settings: Settings, source: Source) -> None:
    columns = "sales_item_id, customer_key, product_key, sold_at, quantity, net_amount"
    hour(conn, settings)
    build(conn, settings)
    before = rows(conn, f"select {columns} from gold.sales_item order by 1")
    build(conn, settings, full_refresh=True)
    assert rows(conn, f"select {columns} from gold.sales_item order by 1") == before
    assert mart(conn) == expected_mart(source)


@pytest.mark.slow
def test_a_late_header_brings_lines_that_other_loads_overtook(
    conn: connection, settings: Settings, source: Source
) -> None:
    hour(conn, settings)
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute("create temp table held as select * from silver.sales_customer where sale_id <= 5")
        cursor.execute("delete from silver.sales_customer where sale_id <= 5")
    build(conn, settings)
    assert rows(conn, "select count(*) from gold.sales_item where sale_id <= 5") == [(0,)]
    source.set_clock(NOON + timedelta(hours=1))
    hour(conn, settings)
    build(conn, settings)
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(
            "insert into meta.load (run_id, layer, dataset, status, ended_at, rows_read, rows_inserted) "
            "values ('late', 'silver', 'sales_customer', 'SUCCESS', now(), 5, 5) returning load_id"
        )
        cursor.execute("update held set _load_id = %s", cursor.fetchone())
        cursor.execute("insert into silver.sales_customer select * from held")
    build(conn, settings)
    assert mart(conn) == expected_mart(source)


@pytest.mark.slow
def test_a_sale_that_moves_to_another_day_leaves_the_old_one(
    conn: connection, settings: Settings, source: Source
) -> None:
    hour(conn, settings)
    build(conn, settings)
    its_pair = "from gold.sales_item inner join gold.mart_sales_by_customer using (customer_key, sold_date)"
    ((alone,),) = rows(conn, f"select min(sale_id) {its_pair} where sale_count + return_count = 1")
    total = rows(conn, "select sum(net_amount), sum(line_count) from gold.mart_sales_by_customer")
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(
            "insert into meta.load (run_id, layer, dataset, status, ended_at, rows_read, rows_updated) "
            "values ('moved', 'silver', 'sales_customer', 'SUCCESS', now(), 1, 1) returning load_id"
        )
        cursor.execute(
            "update silver.sales_customer set sold_at = '2020-01-01T00:00Z', _load_id = %s where sale_id = %s",
            (*(cursor.fetchone() or ()), alone),
        )
    build(conn, settings)
    assert rows(conn, "select sum(net_amount), sum(line_count) from gold.mart_sales_by_customer") == total
    assert rows(conn, "select count(*) from gold.mart_sales_by_customer where sold_date = '2020-01-01'") == [(1,)]
    without_lines = "select count(*) from gold.mart_sales_by_customer where line_count = 0"
    assert rows(conn, without_lines) == [(0,)]
    gold.build_mart(conn, settings, run_id="again", full_refresh=True)  # takes what the sale has left once more
    assert rows(conn, without_lines) == [(0,)]


@pytest.mark.slow
def test_a_bad_core_does_not_reach_the_marts_until_it_is_mended(
    conn: connection, settings: Settings, source: Source, tmp_path: Path
) -> None:
    hour(conn, settings)
    build(conn, settings)
    before = mart(conn)
    source.set_clock(NOON + timedelta(hours=1))
    hour(conn, settings)
    with project_copy(settings, tmp_path) as copy:
        wrong = "md5('product:0')::uuid as product_version_key,"  # which no audit sees
        alter(copy, FACT, "product_version.product_version_key,", wrong)
        for _ in range(2):  # the second time there is nothing new, and the rows are as bad as before
            with pytest.raises(DataQualityError, match="relationships_sales_item_product_version_key"):
                gold.build_core(conn, settings, run_id="bad")
    assert mart(conn) == before
    failed = "select dataset from meta.load where layer = 'gold' and status = 'FAILED'"
    assert rows(conn, failed) == [("dbt_run_core",)] * 2
    build(conn, settings, full_refresh=True)
    assert mart(conn) == expected_mart(source)


@pytest.mark.slow
def test_a_model_that_fails_has_taken_nothing_and_the_next_hour_catches_up(
    conn: connection, settings: Settings, source: Source, tmp_path: Path
) -> None:
    hour(conn, settings)
    build_untested(conn, settings)
    source.set_clock(NOON + timedelta(hours=1))
    hour(conn, settings)
    state = "select source_table, load_id, through_load_id from meta.gold_state where model = 'sales_item'"
    before = rows(conn, state)
    with project_copy(settings, tmp_path) as copy:
        alter(copy, FACT, "line.quantity < 0 as", "line.quantity > 0 as")
        with pytest.raises(GoldBuildFailed, match="could not build sales_item"):
            gold.build_core(conn, settings, run_id="bad")
    assert rows(conn, state) == before
    build(conn, settings)
    assert mart(conn) == expected_mart(source)


def test_the_rules_of_the_models_hold_on_their_examples(conn: connection, settings: Settings) -> None:
    """The unit tests in the .yml of each model, which no hourly run pays for.

    Those of the membership need its tables (tests/integration/test_membership.py).
    """
    of_deliveries = ["--exclude", "tag:membership"]
    hour(conn, settings)
    build(conn, settings)
    gold.build_nightly(conn, settings, run_id="night", now=NOON)
    results = dbt_runner.invoke(conn, settings, ["test", "--select", "test_type:unit", *of_deliveries], "unit")
    files = (PROJECT_ROOT / "dbt" / "models" / "gold").rglob("*.yml")
    texts = (file.read_text(encoding="utf-8") for file in files if "membership" not in file.parts)
    written = "".join(text.partition("\nunit_tests:")[2] for text in texts)
    assert [(result.node.name, result.status) for result in results if result.status != "pass"] == []
    assert len(results) == written.count("\n  - name: ") > 5
